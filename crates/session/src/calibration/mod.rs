//! Finds the eagerness that gives so many replies a minute.
//!
//! Eagerness is subtracted from the logit of the first silence token, so a turn speaks exactly when the eagerness
//! exceeds its [`silence_margin`](souffleur_core::Observation::silence_margin). Recorded once, the margins tell how many
//! turns speak at any eagerness ([`Margins`]), as long as a reply changes nothing of what follows. It does: the model
//! reads its own replies. Hence each estimate is played, and what it really gives narrows the search ([`Search`]).

mod calibrate;
mod error;
mod margins;
mod outcome;
mod search;

pub use calibrate::{CalibrationPlan, CalibrationProgress, calibrate};
pub use error::CalibrationError;
pub use margins::Margins;
pub use outcome::{Calibration, CurvePoint};
pub use search::{Search, SearchRun};
pub use souffleur_model::EAGERNESS_RANGE;
