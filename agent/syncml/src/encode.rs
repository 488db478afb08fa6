//! From a typed message to the elements it is written as, in the order of the DTD.

use crate::codepage::{Tag, metinf, syncml};
use crate::error::EncodeError;
use crate::limits::Limits;
use crate::writer::Writer;
use crate::{
    Alert, Command, Container, Cred, Element, Header, Item, Location, Message, Meta, Request,
    Results, Status,
};

type Written = Result<(), EncodeError>;

/// Writes `SyncML`.
pub(crate) fn message(w: &mut Writer, message: &Message) -> Written {
    w.open(syncml::SYNC_ML);
    header(w, &message.header)?;
    w.open(syncml::SYNC_BODY);
    for member in &message.commands {
        command(w, member, 2)?;
    }
    w.flag(syncml::FINAL, message.is_final);
    w.close(syncml::SYNC_BODY);
    w.close(syncml::SYNC_ML);
    Ok(())
}

fn header(w: &mut Writer, header: &Header) -> Written {
    w.open(syncml::SYNC_HDR);
    w.leaf(syncml::VER_DTD, &header.ver_dtd)?;
    w.leaf(syncml::VER_PROTO, &header.ver_proto)?;
    w.leaf(syncml::SESSION_ID, &header.session_id)?;
    w.leaf(syncml::MSG_ID, &header.msg_id)?;
    location(w, syncml::TARGET, &header.target)?;
    location(w, syncml::SOURCE, &header.source)?;
    w.optional(syncml::RESP_URI, header.resp_uri.as_deref())?;
    w.flag(syncml::NO_RESP, header.no_resp);
    cred(w, header.cred.as_ref())?;
    meta(w, &header.meta)?;
    w.close(syncml::SYNC_HDR);
    Ok(())
}

/// Writes a command; `depth` counts the elements around it.
pub(crate) fn command(w: &mut Writer, command: &Command, depth: usize) -> Written {
    match command {
        Command::Add(r) => request(w, syncml::ADD, r),
        Command::Replace(r) => request(w, syncml::REPLACE, r),
        Command::Delete(r) => request(w, syncml::DELETE, r),
        Command::Copy(r) => request(w, syncml::COPY, r),
        Command::Get(r) => request(w, syncml::GET, r),
        Command::Exec(r) => request(w, syncml::EXEC, r),
        Command::Alert(a) => alert(w, a),
        Command::Atomic(c) => container(w, syncml::ATOMIC, c, depth),
        Command::Sequence(c) => container(w, syncml::SEQUENCE, c, depth),
        Command::Results(r) => results(w, r),
        Command::Status(s) => status(w, s),
        Command::Other(element) => w.element(element, depth),
    }
}

fn request(w: &mut Writer, tag: Tag, request: &Request) -> Written {
    w.open(tag);
    w.leaf(syncml::CMD_ID, &request.cmd_id)?;
    w.flag(syncml::NO_RESP, request.no_resp);
    w.flag(syncml::ARCHIVE, request.archive);
    w.flag(syncml::SFT_DEL, request.soft_delete);
    w.optional(syncml::LANG, request.lang.as_deref())?;
    cred(w, request.cred.as_ref())?;
    meta(w, &request.meta)?;
    w.optional(syncml::CORRELATOR, request.correlator.as_deref())?;
    items(w, &request.items)?;
    w.close(tag);
    Ok(())
}

fn alert(w: &mut Writer, alert: &Alert) -> Written {
    w.open(syncml::ALERT);
    w.leaf(syncml::CMD_ID, &alert.cmd_id)?;
    w.flag(syncml::NO_RESP, alert.no_resp);
    cred(w, alert.cred.as_ref())?;
    w.optional(syncml::DATA, alert.data.as_deref())?;
    w.optional(syncml::CORRELATOR, alert.correlator.as_deref())?;
    items(w, &alert.items)?;
    w.close(syncml::ALERT);
    Ok(())
}

fn container(w: &mut Writer, tag: Tag, container: &Container, depth: usize) -> Written {
    if depth >= Limits::MAX_DEPTH {
        return Err(EncodeError::TooDeep);
    }
    w.open(tag);
    w.leaf(syncml::CMD_ID, &container.cmd_id)?;
    w.flag(syncml::NO_RESP, container.no_resp);
    meta(w, &container.meta)?;
    for member in &container.commands {
        command(w, member, depth + 1)?;
    }
    w.close(tag);
    Ok(())
}

fn results(w: &mut Writer, results: &Results) -> Written {
    w.open(syncml::RESULTS);
    w.leaf(syncml::CMD_ID, &results.cmd_id)?;
    w.optional(syncml::MSG_REF, results.msg_ref.as_deref())?;
    w.optional(syncml::CMD_REF, results.cmd_ref.as_deref())?;
    meta(w, &results.meta)?;
    w.optional(syncml::TARGET_REF, results.target_ref.as_deref())?;
    w.optional(syncml::SOURCE_REF, results.source_ref.as_deref())?;
    items(w, &results.items)?;
    w.close(syncml::RESULTS);
    Ok(())
}

fn status(w: &mut Writer, status: &Status) -> Written {
    w.open(syncml::STATUS);
    w.leaf(syncml::CMD_ID, &status.cmd_id)?;
    w.leaf(syncml::MSG_REF, &status.msg_ref)?;
    w.optional(syncml::CMD_REF, status.cmd_ref.as_deref())?;
    w.leaf(syncml::CMD, &status.cmd)?;
    for uri in &status.target_refs {
        w.leaf(syncml::TARGET_REF, uri)?;
    }
    for uri in &status.source_refs {
        w.leaf(syncml::SOURCE_REF, uri)?;
    }
    cred(w, status.cred.as_ref())?;
    if let Some(challenge) = &status.chal {
        w.open(syncml::CHAL);
        meta(w, challenge)?;
        w.close(syncml::CHAL);
    }
    w.leaf(syncml::DATA, &status.data)?;
    items(w, &status.items)?;
    w.close(syncml::STATUS);
    Ok(())
}

fn items(w: &mut Writer, items: &[Item]) -> Written {
    items.iter().try_for_each(|one| item(w, one))
}

fn item(w: &mut Writer, item: &Item) -> Written {
    if *item == Item::default() {
        // The options item of a user alert may be empty.
        w.empty(syncml::ITEM);
        return Ok(());
    }
    w.open(syncml::ITEM);
    if let Some(target) = &item.target {
        location(w, syncml::TARGET, target)?;
    }
    if let Some(source) = &item.source {
        location(w, syncml::SOURCE, source)?;
    }
    for (tag, parent) in [
        (syncml::SOURCE_PARENT, &item.source_parent),
        (syncml::TARGET_PARENT, &item.target_parent),
    ] {
        if let Some(uri) = parent {
            w.open(tag);
            w.leaf(syncml::LOC_URI, uri)?;
            w.close(tag);
        }
    }
    meta(w, &item.meta)?;
    if let Some(data) = &item.data {
        w.data(syncml::DATA, data)?;
    }
    w.flag(syncml::MORE_DATA, item.more_data);
    w.close(syncml::ITEM);
    Ok(())
}

fn location(w: &mut Writer, tag: Tag, location: &Location) -> Written {
    w.open(tag);
    w.leaf(syncml::LOC_URI, &location.uri)?;
    w.optional(syncml::LOC_NAME, location.name.as_deref())?;
    w.close(tag);
    Ok(())
}

fn cred(w: &mut Writer, cred: Option<&Cred>) -> Written {
    let Some(cred) = cred else { return Ok(()) };
    w.open(syncml::CRED);
    meta(w, &cred.meta)?;
    w.leaf(syncml::DATA, &cred.data)?;
    w.close(syncml::CRED);
    Ok(())
}

fn meta(w: &mut Writer, meta: &Meta) -> Written {
    if *meta == Meta::default() {
        return Ok(());
    }
    w.open(syncml::META);
    others(w, meta, Place::First)?;
    w.optional(metinf::FORMAT, meta.format.as_deref())?;
    w.optional(metinf::TYPE, meta.type_.as_deref())?;
    w.optional(metinf::MARK, meta.mark.as_deref())?;
    number(w, metinf::SIZE, meta.size)?;
    others(w, meta, Place::Middle)?;
    if let Some(nonce) = &meta.next_nonce {
        w.data(metinf::NEXT_NONCE, nonce)?;
    }
    number(w, metinf::MAX_MSG_SIZE, meta.max_msg_size)?;
    number(w, metinf::MAX_OBJ_SIZE, meta.max_obj_size)?;
    others(w, meta, Place::Last)?;
    w.close(syncml::META);
    Ok(())
}

fn number(w: &mut Writer, tag: Tag, number: Option<u64>) -> Written {
    number.map_or(Ok(()), |number| w.leaf(tag, &number.to_string()))
}

/// Where the `MetInf` DTD has the elements that [`Meta`] has no field for.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    First,
    Middle,
    Last,
}

fn place(element: &Element) -> Place {
    match element.name.local.as_ref() {
        "FieldLevel" => Place::First,
        "Anchor" | "Version" | "Size" => Place::Middle,
        _ => Place::Last,
    }
}

fn others(w: &mut Writer, meta: &Meta, at: Place) -> Written {
    meta.others
        .iter()
        .filter(|element| place(element) == at)
        .try_for_each(|element| w.element(element, 4))
}
