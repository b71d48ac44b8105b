//! The shell that every page of ours has: one look, nothing from the network, no text that could become markup.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

/// The look that pages share: colours by day and night, type, cards, tables. A page's own rules come after it.
pub const THEME: &str = include_str!("theme.css");

/// A page in one file.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// What it is about, as plain text.
    pub title: &'a str,
    /// All rules, [`THEME`] included.
    pub style: &'a str,
    /// The only script that may run; empty for none.
    pub script: &'a str,
    /// Class of the body, or nothing.
    pub body_class: &'a str,
    /// The markup between the body's tags; every text in it went through [`escape`].
    pub body: &'a str,
}

impl Document<'_> {
    /// The whole page.
    ///
    /// The content policy lets the page's own style and script run, by their hashes, and nothing else: a text that
    /// slipped through as markup could still do nothing.
    pub fn render(&self) -> String {
        let Self { style, script, body, .. } = self;
        let title = escape(self.title);
        let policy = format!(
            "default-src 'none'; img-src data:; media-src 'self' file:; style-src '{}'; script-src '{}'; \
             base-uri 'none'; form-action 'none'",
            hash(style),
            hash(script)
        );
        let class = match self.body_class {
            "" => String::new(),
            class => format!(" class=\"{}\"", escape(class)),
        };
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<title>{title} · Souffleur</title>\n\
             <style>{style}</style>\n</head>\n<body{class}>\n{body}\
             <footer>Written by Souffleur {}. This page loads nothing from the network.</footer>\n\
             <script>{script}</script>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION")
        )
    }
}

fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(Sha256::digest(text.as_bytes())))
}

/// A text as the content of an element or of a quoted attribute.
pub fn escape(text: &str) -> String {
    let text = super::plain(text);
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_hashes_of_what_may_run() {
        let page = Document { title: "<a>", style: "b{}", script: "c()", body_class: "", body: "<p>d</p>" }.render();
        assert!(page.contains(&format!("script-src '{}'", hash("c()"))));
        assert!(page.contains(&format!("style-src '{}'", hash("b{}"))));
        assert!(page.contains("<title>&lt;a&gt; · Souffleur</title>") && page.contains("<body>\n<p>d</p><footer>"));
    }
}
