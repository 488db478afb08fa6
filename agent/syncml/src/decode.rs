//! From pull events to a typed message: children in any order, foreign ones passed over.

mod content;

use content::{credential, data, flag, nonce, token};

use crate::codepage::{Tag, metinf, syncml};
use crate::error::{Decoded, Reason};
use crate::event::{Events, Name};
use crate::{
    Alert, Command, Container, Cred, Element, Header, Item, Location, Message, Meta, Node, Request,
    Results, Status,
};
use zeroize::Zeroizing;

/// Reads `SyncML`.
pub(crate) fn message(e: &mut Events<'_>) -> Decoded<Message> {
    match e.root()? {
        Name::Known(syncml::SYNC_ML) => {}
        other => {
            let root = other.expand().local;
            return Err(e.error(Reason::NotSyncMl(root.as_ref().into())));
        }
    }
    let mut found_header = None;
    let mut found_body = None;
    while let Some(name) = e.child()? {
        match name {
            Name::Known(syncml::SYNC_HDR) if found_header.is_none() => {
                found_header = Some(header(e)?);
            }
            Name::Known(syncml::SYNC_BODY) if found_body.is_none() => found_body = Some(body(e)?),
            // What one part of the agent has checked must be what every other part sees.
            Name::Known(syncml::SYNC_HDR) => return Err(e.error(Reason::Repeated("SyncHdr"))),
            Name::Known(syncml::SYNC_BODY) => return Err(e.error(Reason::Repeated("SyncBody"))),
            _ => e.skip()?,
        }
    }
    let header = found_header.ok_or_else(|| e.error(Reason::Missing("SyncHdr")))?;
    let (commands, is_final) = found_body.ok_or_else(|| e.error(Reason::Missing("SyncBody")))?;
    e.finish()?;
    Ok(Message {
        header,
        commands,
        is_final,
    })
}

/// Calls `read` with each child that a code page knows, and passes over what it does not take.
fn children<'a>(
    e: &mut Events<'a>,
    mut read: impl FnMut(&mut Events<'a>, Tag) -> Decoded<bool>,
) -> Decoded<()> {
    while let Some(name) = e.child()? {
        let taken = match name {
            Name::Known(tag) => read(e, tag)?,
            Name::Foreign(_) => false,
        };
        if !taken {
            e.skip()?;
        }
    }
    Ok(())
}

/// Reads one more member of a list.
fn add<'a, T>(
    e: &mut Events<'a>,
    list: &mut Vec<T>,
    read: impl FnOnce(&mut Events<'a>) -> Decoded<T>,
) -> Decoded<()> {
    e.keep::<T>()?;
    let member = read(e)?;
    if list.is_empty() {
        // Most lists have one member; without this there would be room for four.
        list.reserve_exact(1);
    }
    list.push(member);
    Ok(())
}

fn header(e: &mut Events<'_>) -> Decoded<Header> {
    let mut header = Header::default();
    children(e, |e, tag| {
        match tag {
            syncml::VER_DTD => header.ver_dtd = token(e)?,
            syncml::VER_PROTO => header.ver_proto = token(e)?,
            syncml::SESSION_ID => header.session_id = token(e)?,
            syncml::MSG_ID => header.msg_id = token(e)?,
            syncml::TARGET => header.target = location(e)?,
            syncml::SOURCE => header.source = location(e)?,
            syncml::RESP_URI => header.resp_uri = Some(token(e)?),
            syncml::NO_RESP => header.no_resp = flag(e)?,
            syncml::CRED => header.cred = Some(cred(e)?),
            syncml::META => meta(e, &mut header.meta)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(header)
}

fn body(e: &mut Events<'_>) -> Decoded<(Vec<Command>, bool)> {
    let mut commands = Vec::new();
    let mut is_final = false;
    while let Some(name) = e.child()? {
        if name == Name::Known(syncml::FINAL) {
            is_final = flag(e)?;
        } else {
            add(e, &mut commands, |e| command(e, name))?;
        }
    }
    Ok((commands, is_final))
}

/// Reads a command. One that DM does not use is kept as it is, so that it can be answered.
fn command(e: &mut Events<'_>, name: Name) -> Decoded<Command> {
    Ok(match name {
        Name::Known(syncml::ADD) => Command::Add(request(e)?),
        Name::Known(syncml::REPLACE) => Command::Replace(request(e)?),
        Name::Known(syncml::DELETE) => Command::Delete(request(e)?),
        Name::Known(syncml::COPY) => Command::Copy(request(e)?),
        Name::Known(syncml::GET) => Command::Get(request(e)?),
        Name::Known(syncml::EXEC) => Command::Exec(request(e)?),
        Name::Known(syncml::ALERT) => Command::Alert(alert(e)?),
        Name::Known(syncml::ATOMIC) => Command::Atomic(container(e)?),
        Name::Known(syncml::SEQUENCE) => Command::Sequence(container(e)?),
        Name::Known(syncml::RESULTS) => Command::Results(results(e)?),
        Name::Known(syncml::STATUS) => Command::Status(status(e)?),
        other => Command::Other(e.element(other)?),
    })
}

fn request(e: &mut Events<'_>) -> Decoded<Request> {
    let mut request = Request::default();
    children(e, |e, tag| {
        match tag {
            syncml::CMD_ID => request.cmd_id = token(e)?,
            syncml::NO_RESP => request.no_resp = flag(e)?,
            syncml::ARCHIVE => request.archive = flag(e)?,
            syncml::SFT_DEL => request.soft_delete = flag(e)?,
            syncml::LANG => request.lang = Some(token(e)?),
            syncml::CRED => request.cred = Some(cred(e)?),
            syncml::META => meta(e, &mut request.meta)?,
            syncml::CORRELATOR => request.correlator = Some(token(e)?),
            syncml::ITEM => add(e, &mut request.items, item)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(request)
}

fn alert(e: &mut Events<'_>) -> Decoded<Alert> {
    let mut alert = Alert::default();
    children(e, |e, tag| {
        match tag {
            syncml::CMD_ID => alert.cmd_id = token(e)?,
            syncml::NO_RESP => alert.no_resp = flag(e)?,
            syncml::CRED => alert.cred = Some(cred(e)?),
            syncml::DATA => alert.data = Some(token(e)?),
            syncml::CORRELATOR => alert.correlator = Some(token(e)?),
            syncml::ITEM => add(e, &mut alert.items, item)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(alert)
}

fn container(e: &mut Events<'_>) -> Decoded<Container> {
    let mut container = Container::default();
    while let Some(name) = e.child()? {
        match name {
            Name::Known(syncml::CMD_ID) => container.cmd_id = token(e)?,
            Name::Known(syncml::NO_RESP) => container.no_resp = flag(e)?,
            Name::Known(syncml::META) => meta(e, &mut container.meta)?,
            member => add(e, &mut container.commands, |e| command(e, member))?,
        }
    }
    Ok(container)
}

fn results(e: &mut Events<'_>) -> Decoded<Results> {
    let mut results = Results::default();
    children(e, |e, tag| {
        match tag {
            syncml::CMD_ID => results.cmd_id = token(e)?,
            syncml::MSG_REF => results.msg_ref = Some(token(e)?),
            syncml::CMD_REF => results.cmd_ref = Some(token(e)?),
            syncml::META => meta(e, &mut results.meta)?,
            syncml::TARGET_REF => results.target_ref = Some(token(e)?),
            syncml::SOURCE_REF => results.source_ref = Some(token(e)?),
            syncml::ITEM => add(e, &mut results.items, item)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(results)
}

fn status(e: &mut Events<'_>) -> Decoded<Status> {
    let mut status = Status::default();
    children(e, |e, tag| {
        match tag {
            syncml::CMD_ID => status.cmd_id = token(e)?,
            syncml::MSG_REF => status.msg_ref = token(e)?,
            syncml::CMD_REF => status.cmd_ref = Some(token(e)?),
            syncml::CMD => status.cmd = token(e)?,
            syncml::TARGET_REF => add(e, &mut status.target_refs, token)?,
            syncml::SOURCE_REF => add(e, &mut status.source_refs, token)?,
            syncml::CRED => status.cred = Some(cred(e)?),
            syncml::CHAL => status.chal = Some(challenge(e)?),
            syncml::DATA => status.data = token(e)?,
            syncml::ITEM => add(e, &mut status.items, item)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(status)
}

fn challenge(e: &mut Events<'_>) -> Decoded<Meta> {
    let mut challenge = Meta::default();
    children(e, |e, tag| {
        if tag == syncml::META {
            meta(e, &mut challenge)?;
            return Ok(true);
        }
        Ok(false)
    })?;
    Ok(challenge)
}

fn item(e: &mut Events<'_>) -> Decoded<Item> {
    let mut item = Item::default();
    children(e, |e, tag| {
        match tag {
            syncml::TARGET => item.target = Some(location(e)?),
            syncml::SOURCE => item.source = Some(location(e)?),
            syncml::TARGET_PARENT => item.target_parent = Some(location(e)?.uri),
            syncml::SOURCE_PARENT => item.source_parent = Some(location(e)?.uri),
            syncml::META => meta(e, &mut item.meta)?,
            syncml::DATA => item.data = Some(data(e)?),
            syncml::MORE_DATA => item.more_data = flag(e)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(item)
}

fn location(e: &mut Events<'_>) -> Decoded<Location> {
    let mut location = Location::default();
    children(e, |e, tag| {
        match tag {
            syncml::LOC_URI => location.uri = token(e)?,
            syncml::LOC_NAME => location.name = Some(token(e)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(location)
}

fn cred(e: &mut Events<'_>) -> Decoded<Cred> {
    e.keep::<Meta>()?;
    let mut cred = Cred {
        meta: Box::default(),
        data: Zeroizing::new(String::new()),
    };
    children(e, |e, tag| {
        match tag {
            syncml::META => meta(e, &mut cred.meta)?,
            syncml::DATA => cred.data = credential(data(e)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(cred)
}

/// Reads the content of `Meta`, with or without the `MetInf` element around it.
fn meta(e: &mut Events<'_>, meta: &mut Meta) -> Decoded<()> {
    // The wrapper may be written again and again; only the limit on depth ends that.
    let mut wrappers = 0_usize;
    loop {
        let Some(name) = e.child()? else {
            if wrappers == 0 {
                return Ok(());
            }
            wrappers -= 1;
            continue;
        };
        match name {
            Name::Known(metinf::MET_INF) => wrappers += 1,
            Name::Known(metinf::FORMAT) => meta.format = Some(token(e)?),
            Name::Known(metinf::TYPE) => meta.type_ = Some(token(e)?),
            Name::Known(metinf::MARK) => meta.mark = Some(token(e)?),
            Name::Known(metinf::NEXT_NONCE) => meta.next_nonce = Some(nonce(data(e)?)),
            Name::Known(tag @ metinf::SIZE) => number(e, tag, &mut meta.size, &mut meta.others)?,
            Name::Known(tag @ metinf::MAX_MSG_SIZE) => {
                number(e, tag, &mut meta.max_msg_size, &mut meta.others)?;
            }
            Name::Known(tag @ metinf::MAX_OBJ_SIZE) => {
                number(e, tag, &mut meta.max_obj_size, &mut meta.others)?;
            }
            other => meta.others.push(e.element(other)?),
        }
    }
}

/// Reads a number into its field; what is no number stays as it came.
fn number(
    e: &mut Events<'_>,
    tag: Tag,
    field: &mut Option<u64>,
    others: &mut Vec<Element>,
) -> Decoded<()> {
    let text = token(e)?;
    if let Ok(number) = text.parse() {
        *field = Some(number);
        return Ok(());
    }
    e.keep::<[Node; 2]>()?;
    others.push(Element {
        name: Name::Known(tag).expand(),
        attributes: Vec::new(),
        children: vec![Node::Text(text)],
    });
    Ok(())
}
