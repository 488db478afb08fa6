//! What is said of a message and its session, for people.

use crate::session::{Effect, Phase};
use omadm_syncml::Message;
use std::fmt::Write as _;

/// One line on a message and its answer.
pub(super) fn summary(msg_id: &str, answer: &Message, effects: &[Effect], phase: Phase) -> String {
    let count = |of: fn(&Effect) -> bool| effects.iter().filter(|effect| of(effect)).count();
    let answered = count(|effect| matches!(effect, Effect::Answered { .. }));
    let alerts = count(|effect| matches!(effect, Effect::Alert(_)));
    let mut text = format!(
        "message {}: {answered} commands answered, {alerts} alerts, {} commands back; {}",
        shorten(msg_id),
        answer.commands.len(),
        phase.as_str(),
    );
    for effect in effects {
        if let Effect::AuthenticationFailed { refusal, .. } = effect {
            let _ = write!(text, " ({})", shorten(&refusal.to_string()));
        }
    }
    text
}

/// Why the session stands as badly as it does; nothing when it stands well.
pub(super) fn detail(effects: &[Effect], phase: Phase) -> Option<String> {
    effects.iter().rev().find_map(|effect| match effect {
        Effect::AuthenticationFailed { refusal, .. } => Some(refusal.text.clone()),
        Effect::Returned {
            reason,
            broken: true,
            ..
        } => Some(reason.clone()),
        Effect::Note(text) if phase == Phase::Aborted => Some(text.clone()),
        _ => None,
    })
}

/// What a peer sent, short enough for a line.
pub(super) fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(320).collect()
}
