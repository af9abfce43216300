//! `hallmark piece event`: something happened to the piece.

use std::path::{Path, PathBuf};

use anyhow::Context;
use hallmark_core::{json::Value, key::SigningKey};
use hallmark_vault::{
    profile::{PieceSecrets, Profile},
    provenance::{
        ProvenanceFile,
        chain::THEFT_REPORT_MAX_DAYS,
        claim::{Claim, named_parts},
        credential::Credential,
        event::{Event, Kind, Setting},
        handover::{Draft, Offer},
        hidden::{Disclosure, Field, Hidden},
        piece::Warranty,
        text::{Date, Text},
        write::{Source, next_event},
    },
    state::Store,
};
use serde_json::json;
use std::io::Write;

use super::{
    files::{self, FileReport, Names},
    handover, held, price, recipe, sound_in, there, word,
};
use crate::{
    args::{EventArgs, EventKind},
    cmd::studio::parsed,
    input,
    output::{Access, Output, keep_apart},
    report::{Report, Usage},
    session::Session,
};

/// Runs `hallmark piece event`: signs, and adds the event to the file, or writes a draft when
/// others have to sign too.
///
/// # Errors
/// When the file does not hold, this profile may not sign such an event, or an argument is missing.
pub(super) fn run(args: &EventArgs, session: &Session) -> anyhow::Result<Report> {
    let out = args.out.as_ref().unwrap_or(&args.file);
    if matches!(args.kind, EventKind::Stolen) && !(1..=THEFT_REPORT_MAX_DAYS).contains(&args.days) {
        return Err(Usage(format!(
            "--days: a theft report counts for 1 to {THEFT_REPORT_MAX_DAYS} days, and can be renewed"
        ))
        .into());
    }
    let kind = kind(args.kind);
    let mut read: Vec<&Path> = args.with.iter().chain(&args.offer).map(PathBuf::as_path).collect();
    if takes_others(kind) {
        read.push(&args.file);
        keep_apart(&args.draft, &read)?;
    } else {
        keep_apart(out, &read)?;
    }
    there(&args.file)?;
    // Nobody is asked for anything between reading the file and writing it.
    let mut store = session.open()?;
    let held = held(&args.file)?;
    let output = match takes_others(kind) {
        true => Output::new(&args.draft, args.force)?,
        false => Output::continuing(out, &held, args.force)?,
    };
    let file = sound_in(&held, session)?;
    let key = first_signer(kind, &file, store.read(), session)?;
    let of_studio = handover::is_studio_of(&file, store.read());
    if of_studio {
        word::check_newest(&file, &held, store.read(), args.despite_newer)?;
    }
    if of_studio && !takes_others(kind) {
        word::stand_by(&file, args.stand_by, session)?;
    }
    let offer = offer(args, kind, &file)?;
    let (sources, reports) = parts(args, &file, session)?;
    let (hidden, disclosures) = hidden(args, session)?;

    let title = file.piece().title.clone();
    let id = file.piece().id;
    let mut rng = session.rng();
    // The place after a change of hands is the next owner's; otherwise it is this profile's, kept
    // before anything is signed with it.
    let visiting = key.public() != file.custody().owner();
    let next_label = match &offer {
        Some(offer) => offer.next_label,
        // Whoever does not hold the piece takes no place.
        None if visiting => file.custody().next_label(),
        None => store.update(&mut rng, |profile| {
            let secrets = profile
                .pieces
                .entry(id)
                .or_insert_with(|| PieceSecrets::new(title.clone(), &mut session.rng()));
            secrets.next_place()
        })?,
    };
    let mut event = next_event(&file, kind, next_label);
    event.parts = sources.iter().map(|source| source.part().clone()).collect();
    event.hidden = hidden;
    fill(&mut event, args, &file, store.read(), offer.as_ref(), session)?;
    attest_claims(&mut event, &file, &key, session)?;
    if kind == Kind::ReportedStolen {
        event.until = Some(session.now().plus_days(args.days));
    }
    let document = Credential::new(key.public(), session.now(), event).sign(&key)?;
    keep(&mut store, &file, &disclosures, session)?;

    if takes_others(kind) {
        anyhow::ensure!(
            sources.is_empty(),
            "files cannot be added to an event that others have to sign too; add them with an \
             event of their own"
        );
        return draft(args, output, document, disclosures, kind);
    }
    handover::write_event(&held, &file, document, sources, &mut store, output, session)?;
    done(args, kind, out, &reports, &store, &file)
}

/// True where the event becomes a draft, since others have to sign too.
fn takes_others(kind: Kind) -> bool {
    matches!(kind, Kind::Sold | Kind::Returned | Kind::Transferred)
}

fn kind(typed: EventKind) -> Kind {
    match typed {
        EventKind::Set => Kind::Set,
        EventKind::Inspected => Kind::Inspected,
        EventKind::Sold => Kind::Sold,
        EventKind::Returned => Kind::Returned,
        EventKind::Serviced => Kind::Serviced,
        EventKind::Stolen => Kind::ReportedStolen,
        EventKind::Recovered => Kind::Recovered,
        EventKind::Transferred => Kind::Transferred,
        EventKind::Destroyed => Kind::Destroyed,
    }
}

/// The key this profile signs such an event with.
fn first_signer(
    kind: Kind,
    file: &ProvenanceFile,
    profile: &Profile,
    session: &Session,
) -> anyhow::Result<SigningKey> {
    // What a studio made goes on under the key it was made with.
    let own = profile.studio.as_ref().map(|studio| {
        studio.key_of(&file.manifest().issuer).unwrap_or_else(|| studio.keys().identity)
    });
    match kind {
        Kind::Made | Kind::Set | Kind::Inspected | Kind::Serviced => own.context(
            "this profile has no signing keys; `hallmark studio init` makes them, also for a \
             laboratory or a repairer",
        ),
        _ => handover::key_of_owner(file, profile, session).with_context(|| match kind {
            Kind::Sold => {
                "only the studio that holds the piece can sell it, and this profile is not it"
            }
            _ => "only the owner can do that, and this profile does not hold the owner's key",
        }),
    }
}

fn offer(args: &EventArgs, kind: Kind, file: &ProvenanceFile) -> anyhow::Result<Option<Offer>> {
    let needed = matches!(kind, Kind::Sold | Kind::Returned | Kind::Transferred);
    let Some(path) = &args.offer else {
        if needed {
            let who = if kind == Kind::Returned { "studio" } else { "next owner" };
            return Err(Usage(format!(
                "the {who}'s offer is needed: they run `hallmark piece offer FILE`, you give \
                 --offer offer.json"
            ))
            .into());
        }
        return Ok(None);
    };
    if !needed {
        return Err(Usage("--offer belongs to --kind sold, returned or transferred".into()).into());
    }
    let bytes = input::whole(path).with_context(|| format!("cannot read {}", path.display()))?;
    let offer = Offer::open(&bytes).with_context(|| path.display().to_string())?;
    anyhow::ensure!(
        offer.id == file.piece().id,
        "{} is an offer for another piece",
        path.display()
    );
    anyhow::ensure!(
        (offer.owner == file.manifest().issuer) == (kind == Kind::Returned),
        "{} is {} offer; a return takes the studio's, a sale or hand-over the next owner's",
        path.display(),
        if kind == Kind::Returned { "not the studio's" } else { "the studio's own" }
    );
    Ok(Some(offer))
}

fn fill(
    event: &mut Event,
    args: &EventArgs,
    file: &ProvenanceFile,
    profile: &Profile,
    offer: Option<&Offer>,
    session: &Session,
) -> anyhow::Result<()> {
    let today = Date::of(session.now());
    event.note = parsed("--note", args.note.as_deref())?;
    event.occurred = parsed("--occurred", args.occurred.as_deref())?;
    event.owner = offer.filter(|_| event.kind != Kind::Returned).map(|offer| offer.owner);
    let signs_by_name = matches!(event.kind, Kind::Set | Kind::Inspected | Kind::Serviced)
        || file.custody().with_studio();
    event.by = profile.studio.as_ref().filter(|_| signs_by_name).map(|s| s.name.clone());
    if let Some(statement) = parsed::<Text>("--warranty", args.warranty.as_deref())? {
        let system = parsed("--warranty-system", Some(&args.warranty_system))?
            .context("--warranty-system is needed")?;
        event.warranties.push(Warranty { system, statement, date: today.clone(), invoice: None });
    }
    if event.kind == Kind::Set {
        let number = args.stone.filter(|n| *n > 0).ok_or_else(|| {
            Usage("say which stone was set: --stone 1 is the first of the manifest".into())
        })?;
        let stone = file.piece().stones.get(number as usize - 1).ok_or_else(|| {
            Usage(format!("the manifest has {} stones", file.piece().stones.len()))
        })?;
        let report = stone.report.as_ref().map(|report| report.number.clone());
        event.setting = Some(Setting { stone: number - 1, report });
    }
    if let (Some(about), Some(says)) = (&args.about, &args.says) {
        let by =
            event.by.clone().context("a claim needs a name behind it: `hallmark studio init`")?;
        event.claims.push(Claim {
            about: parsed("--about", Some(about))?.context("--about is needed")?,
            says: parsed("--says", Some(says))?.context("--says is needed")?,
            strength: args.strength.into(),
            by,
            rule: parsed("--rule", Some(&args.rule))?.context("--rule is needed")?,
            date: today,
            attestation: None,
        });
    }
    Ok(())
}

/// A claim above self-declared carries the signer's own attestation.
fn attest_claims(
    event: &mut Event,
    file: &ProvenanceFile,
    key: &SigningKey,
    session: &Session,
) -> anyhow::Result<()> {
    for claim in &mut event.claims {
        let value = recipe::field(file.piece(), claim.about.as_str())?;
        let parts = named_parts(&value, &serde_json::to_value(file.piece())?);
        if claim.strength != hallmark_vault::provenance::claim::Strength::SelfDeclared {
            claim.attest(file.piece().id, value, parts, key, session.now())?;
        }
    }
    Ok(())
}

fn parts(
    args: &EventArgs,
    file: &ProvenanceFile,
    session: &Session,
) -> anyhow::Result<(Vec<Source>, Vec<FileReport>)> {
    let mut names = Names::after(file.parts().map(|part| &part.path));
    let near = args.out.as_deref().unwrap_or(&args.file);
    let mut both = (Vec::new(), Vec::new());
    for path in &args.with {
        files::check_fit(path, session)?;
        let cleaned = files::clean(path, near, args.keep_metadata, session)?;
        let role = cleaned.role;
        let name = names.next(role, cleaned.cleaning.media_type)?;
        let (source, report) = cleaned.into_part(name, role, None)?;
        both.0.push(source);
        both.1.push(report);
    }
    Ok(both)
}

fn hidden(
    args: &EventArgs,
    session: &Session,
) -> anyhow::Result<(Option<Hidden>, Vec<Disclosure>)> {
    let mut fields = Vec::new();
    let wrong = |error| Usage(format!("--price: {error}"));
    if let Some(price) = &args.price {
        fields.push(Field { name: "price".into(), value: price::amount(price).map_err(wrong)? });
    }
    if let Some(buyer) = &args.buyer {
        let buyer: Text = parsed("--buyer", Some(buyer))?.context("--buyer is needed")?;
        fields.push(Field { name: "buyer".into(), value: buyer.to_string().into() });
    }
    if fields.is_empty() {
        return Ok((None, Vec::new()));
    }
    let (hidden, disclosures) = Hidden::hide(&fields, &mut session.rng())?;
    Ok((Some(hidden), disclosures))
}

fn keep(
    store: &mut Store<Profile>,
    file: &ProvenanceFile,
    disclosures: &[Disclosure],
    session: &Session,
) -> anyhow::Result<()> {
    if disclosures.is_empty() {
        return Ok(());
    }
    let title = file.piece().title.clone();
    let id = file.piece().id;
    Ok(store.update(&mut session.rng(), |profile| {
        let secrets = profile
            .pieces
            .entry(id)
            .or_insert_with(|| PieceSecrets::new(title, &mut session.rng()));
        secrets.keep(disclosures);
    })?)
}

fn draft(
    args: &EventArgs,
    output: Output<'_>,
    document: Value,
    disclosures: Vec<Disclosure>,
    kind: Kind,
) -> anyhow::Result<Report> {
    let draft = Draft::new(document, disclosures);
    let bytes = serde_json::to_vec_pretty(&draft)?;
    output.write(Access::Private, |out| Ok(out.write_all(&bytes)?))?;
    let (who, then) = match kind {
        Kind::Returned => ("the studio", "the studio"),
        Kind::Transferred => ("the new owner", "the new owner"),
        _ => ("the new owner", "the studio"),
    };
    Report::new(
        &json!({"out": args.draft, "draft": args.draft, "needs": who}),
        format!(
            "{} holds the event with your signature; nothing is in the provenance file yet.\n\
             Next: {who} runs  hallmark piece countersign {} {}\n\
             Then: {then} runs  hallmark piece append {1} {2}",
            args.draft.display(),
            args.file.display(),
            args.draft.display()
        ),
    )
}

fn done(
    args: &EventArgs,
    kind: Kind,
    out: &Path,
    reports: &[FileReport],
    store: &Store<Profile>,
    file: &ProvenanceFile,
) -> anyhow::Result<Report> {
    let lines: Vec<String> = reports.iter().map(|report| report.text("add it again")).collect();
    let again = if file.custody().with_studio() {
        String::new()
    } else {
        format!("\nNext: give {} to the owner again; {}", out.display(), handover::OLD_COPY)
    };
    let restatus = if handover::is_studio_of(file, store.read()) {
        format!("The studio's status was renewed with it.{again}")
    } else {
        "The studio's status does not cover this event yet: `hallmark piece status` by the studio \
         renews it."
            .to_owned()
    };
    let text = format!(
        "Added \"{}\" to {}.\n{}{}{restatus}",
        super::words(kind.name()),
        out.display(),
        lines.join("\n"),
        if lines.is_empty() { "" } else { "\n" },
    );
    Report::new(&json!({"out": out, "kind": args_kind(args), "files": reports}), text)
}

fn args_kind(args: &EventArgs) -> &'static str {
    kind(args.kind).name()
}
