use super::{Judge, JudgeError, JudgeRequest};
use std::path::Path;
/// x
pub trait TextEncoder: Send {
    /// x
    fn encode(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, JudgeError>;
}
/// x
pub struct EmbeddedJudge;
impl EmbeddedJudge {
    /// x
    /// # Errors
    /// x
    pub fn open(folder: Option<&Path>) -> Result<Self, JudgeError> {
        let folder = folder.unwrap_or(Path::new("x")).to_owned();
        Err(JudgeError::NoEncoder { folder })
    }
}
impl Judge for EmbeddedJudge {
    fn score(&self, _: &JudgeRequest<'_>) -> Option<f64> {
        None
    }
}
