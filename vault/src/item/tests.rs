//! Items to test with.

use hallmark_core::{account::BlobId, key::SigningKey, secret::Secret, time::Timestamp};

use super::{Attachment, Content, Kind, content::Version};

pub(in crate::item) fn version(fields: &[(&str, &str)], blobs: &[u8]) -> Version {
    let pairs = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let attachments = blobs.iter().map(|n| Attachment {
        name: format!("{}.jpg", n % 100),
        size_bytes: 1,
        blob: BlobId::from_bytes([*n; 16]),
        key: Secret::from_bytes(&[*n; 32]),
    });
    Version {
        fields: pairs.collect(),
        attachments: attachments.collect(),
        at: Timestamp::from_unix_s(1_800_000_000).unwrap(),
        by: SigningKey::from_seed(&[1; 32]).public(),
    }
}

pub(in crate::item) fn note(title: &str, text: &str) -> Version {
    version(&[("title", title), ("text", text)], &[])
}

pub(in crate::item) fn first() -> Content {
    Content::new(Kind::Note, note("Ring", "52")).unwrap()
}
