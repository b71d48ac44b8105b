use std::fmt::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use souffleur_core::Reply;

use super::document::{Document, escape};
use super::{link, timeline};
use crate::Recording;

const STYLE: &str = concat!(include_str!("theme.css"), include_str!("page.css"));
const SCRIPT: &str = include_str!("page.js");

/// One page that needs nothing else. The video is linked, not copied; should it be gone, the pictures are there.
pub(super) fn render(recording: &Recording, folder: &Path) -> String {
    let video = recording.source.video.as_deref().and_then(|video| link::relative(video, folder));
    let body = [
        header(recording, &escape(&recording.source.name)),
        "<main>\n".to_owned(),
        video.as_deref().map(stage).unwrap_or_default(),
        timeline::card(recording, video.is_some()),
        replies_card(recording, video.is_some()),
        decisions_card(recording),
        "</main>\n".to_owned(),
    ]
    .concat();
    Document {
        title: &recording.source.name,
        style: STYLE,
        script: SCRIPT,
        body_class: if video.is_some() { "filmed" } else { "" },
        body: &body,
    }
    .render()
}

fn header(recording: &Recording, title: &str) -> String {
    let mut facts = Vec::new();
    if let Some(start) = recording.start() {
        facts.push(format!("Model <b>{}</b> on {}", escape(&start.label.model), escape(&start.label.provider)));
        let (interval, frames) = (start.frame_interval.as_secs_f64(), start.frames_per_turn);
        facts.push(format!("A frame every <b>{interval} s</b>, {frames} a turn"));
    }
    if let Some(summary) = recording.summary() {
        facts.push(format!("<b>{}</b> decisions, <b>{}</b> replies", summary.turns, summary.replies));
        if let (Some(p50), Some(p99)) = (summary.p50_ms, summary.p99_ms) {
            facts.push(format!("<b>{p50:.1} ms</b> a turn, 99 % within <b>{p99:.1} ms</b>"));
        }
        if summary.dropped_frames > 0 {
            facts.push(format!("<b>{}</b> frames dropped", summary.dropped_frames));
        }
    }
    let facts: String = facts.iter().map(|fact| format!("<li>{fact}</li>")).collect();
    format!(
        "<header>\n<p class=\"mark\">Souffleur</p>\n<h1 dir=\"auto\">{title}</h1>\n<ul class=\"facts\">{facts}</ul>\n\
         </header>\n"
    )
}

fn stage(address: &str) -> String {
    let address = escape(address);
    format!(
        "<section class=\"card stage\" aria-label=\"Video\">\n\
         <video controls preload=\"metadata\" playsinline src=\"{address}\"></video>\n\
         <p class=\"caption\" aria-live=\"polite\" dir=\"auto\"></p>\n</section>\n\
         <p class=\"card empty unplayable\" hidden>The video is not beside this page any more, or this browser cannot \
         play it. It was looked for at {address}.</p>\n"
    )
}

fn replies_card(recording: &Recording, has_video: bool) -> String {
    let mut list = String::new();
    let mut last_question = None;
    for reply in recording.replies() {
        let is_new_question = last_question.replace(reply.question.as_str()) != Some(reply.question.as_str());
        list.push_str(&reply_item(recording, reply, has_video, is_new_question));
    }
    let list = match list.as_str() {
        "" => "<p class=\"empty\">Nothing was said.</p>".to_owned(),
        items => format!("<ol class=\"replies\">\n{items}</ol>"),
    };
    format!("<section class=\"card replies-card\">\n<div class=\"head\"><h2>Replies</h2></div>\n{list}\n</section>\n")
}

fn reply_item(recording: &Recording, reply: &Reply, has_video: bool, is_new_question: bool) -> String {
    let (secs, time) = (reply.time.as_secs_f64(), reply.time);
    let at = if has_video {
        format!("<button class=\"at\" type=\"button\" value=\"{secs}\" aria-label=\"Play from {time}\">{time}</button>")
    } else {
        format!("<p class=\"at\"><time datetime=\"PT{secs}S\">{time}</time></p>")
    };
    let picture = recording.thumbnail(reply.time).map(|thumbnail| {
        let (width, height, data) = (thumbnail.width_px, thumbnail.height_px, BASE64.encode(&thumbnail.jpeg));
        format!(
            "<img width=\"{width}\" height=\"{height}\" alt=\"The frame at {time}\" \
             src=\"data:image/jpeg;base64,{data}\">"
        )
    });
    let mut classes = String::from("reply");
    if picture.is_some() {
        classes.push_str(" pictured");
    }
    let mut notes = String::new();
    // Writing into a string cannot fail.
    if is_new_question && !reply.question.is_empty() {
        _ = write!(notes, "<p class=\"note\" dir=\"auto\">Asked: {}</p>", escape(&reply.question));
    }
    if let Some(reason) = reply.suppressed {
        classes.push_str(" held");
        let reason = reason.to_string().replace('_', " ");
        _ = write!(notes, "<p class=\"note\"><span class=\"badge\">kept back: {reason}</span></p>");
    }
    format!(
        "<li class=\"{classes}\" data-time=\"{secs}\">{at}{}<div class=\"words\"><p class=\"said\" dir=\"auto\">{}</p>\
         {notes}</div></li>\n",
        picture.unwrap_or_default(),
        escape(&reply.text)
    )
}

/// Every decision as a table: what the chart shows, for those who do not see it.
fn decisions_card(recording: &Recording) -> String {
    let rows: String = recording
        .turns()
        .map(|turn| {
            let decision = if turn.silent { "silent" } else { "spoke" };
            let (time, p_silent, total) = (turn.time, turn.p_silent, turn.ms.total);
            format!("<tr><td>{time}</td><td>{decision}</td><td>{p_silent:.3}</td><td>{total:.1}</td></tr>\n")
        })
        .collect();
    format!(
        "<details class=\"card\"><summary>Every decision</summary>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"Every decision\"><table>\n<thead><tr><th scope=\"col\">Time</th><th scope=\"col\">Decision</th>\
         <th scope=\"col\">P(silent)</th><th scope=\"col\">ms</th></tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n\
         </details>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::super::fixture::recording;
    use super::*;
    use proptest::prelude::*;
    use souffleur_core::SuppressReason;

    fn page(text: &str) -> String {
        let mut recording = recording(&[(2.0, text, None)]);
        recording.source.name = format!("{text}.mp4");
        render(&recording, Path::new("."))
    }

    /// The page's own tags: everything between `<` and `>` outside of style and script.
    fn tags(page: &str) -> Vec<String> {
        let page = page.replace(STYLE, "").replace(SCRIPT, "");
        page.split('<').skip(1).map(|tag| tag.split_once('>').unwrap().0.to_owned()).collect()
    }

    #[test]
    fn markup_in_a_reply_is_inert() {
        let page = page("<script>alert(1)</script><img src=x onerror=\"alert(2)\">' onload='x");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert_eq!(page.matches("<script").count(), 1, "the page's own");
        assert!(!tags(&page).iter().any(|tag| tag.contains("onerror") || tag.contains("onload")));
    }

    #[test]
    fn loads_nothing_and_allows_only_its_own_script() {
        let page = page("Hello.");
        for address in ["http:", "https:", "url(", "@import", "import(", "fetch(", "src=", "href="] {
            assert!(!page.contains(address), "{address} in a page without a video");
        }
        // A change of line ends on the way would change the hashes.
        assert!(!STYLE.contains('\r') && !SCRIPT.contains('\r'));
    }

    #[test]
    fn says_what_was_kept_back_and_when_nothing_was_said() {
        let page = render(&recording(&[(1.0, "A.", Some(SuppressReason::CoolDown))]), Path::new("."));
        assert!(page.contains("kept back: cool down"));
        assert!(render(&recording(&[]), Path::new(".")).contains("Nothing was said."));
        assert!(render(&Recording::default(), Path::new(".")).contains("Nothing was said."));
    }

    #[test]
    fn times_seek_where_there_is_a_video() {
        let mut recording = recording(&[(2.5, "A.", None)]);
        assert!(!render(&recording, Path::new("/out")).contains("<video"));
        recording.source.video = Some("/videos/a&b.mp4".into());
        let page = render(&recording, Path::new("/out"));
        assert!(page.contains("src=\"./../videos/a%26b.mp4\"") && page.contains("value=\"2.5\""));
    }

    proptest! {
        /// No text adds or changes a tag.
        #[test]
        fn tags_do_not_depend_on_texts(text in "(\\PC|[<>&\"'/=]|script|\n){1,40}") {
            prop_assert_eq!(tags(&page(&text)), tags(&page("x")));
        }
    }
}
