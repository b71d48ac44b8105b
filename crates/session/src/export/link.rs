use std::fmt::Write;
use std::path::{self, Component, Path};

/// The address of `file` as seen from a page in `folder`: relative, `/` between, percent-encoded. `None` where there
/// is no way from one to the other (two drives) or a name is not Unicode.
pub(super) fn relative(file: &Path, folder: &Path) -> Option<String> {
    // As the user wrote it, so that links stay; only `..` needs the file system, as it may lead out of a link.
    lexical(&path::absolute(file).ok()?, &path::absolute(folder).ok()?)
        .or_else(|| lexical(&file.canonicalize().ok()?, &folder.canonicalize().ok()?))
}

fn lexical(file: &Path, folder: &Path) -> Option<String> {
    let (file, folder): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (file.components().collect(), folder.components().collect());
    let num_shared = file.iter().zip(&folder).take_while(|(one, other)| one == other).count();
    let ups = folder.get(num_shared..)?;
    let downs = file.get(num_shared..)?;
    // A root in what remains means another drive.
    if !ups.iter().chain(downs).all(|component| matches!(component, Component::Normal(_))) {
        return None;
    }
    let downs = downs.iter().map(|component| component.as_os_str().to_str().map(percent_encode));
    let parts: Vec<String> = ups.iter().map(|_| Some("..".to_owned())).chain(downs).collect::<Option<_>>()?;
    // Without `./`, a name such as `a:b.mp4` would read as a scheme.
    Some(format!("./{}", parts.join("/")))
}

fn percent_encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            // Writing into a string cannot fail.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn goes_up_and_down() {
        let link = |file: &str, folder: &str| relative(Path::new(file), Path::new(folder));
        assert_eq!(link("/v/clip.mp4", "/v").as_deref(), Some("./clip.mp4"));
        assert_eq!(link("/v/a b/ü#1?.mp4", "/v").as_deref(), Some("./a%20b/%C3%BC%231%3F.mp4"));
        assert_eq!(link("/v/clip.mp4", "/out/today").as_deref(), Some("./../../v/clip.mp4"));
        assert_eq!(link("clip.mp4", ".").as_deref(), Some("./clip.mp4"));
        assert_eq!(link("/v/\"onerror=x.mp4", "/v").as_deref(), Some("./%22onerror%3Dx.mp4"));
    }
}
