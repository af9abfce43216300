//! A client for tests: really signed requests to a router, and people with devices and items.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses what it needs")]

mod documented;
mod person;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode},
};
use hallmark_api::{
    app::{App, Settings, log::LogSettings},
    http,
    store::{Options, Store},
};
use hallmark_core::{
    httpsig::{self, ContentDigest, KeyId, SignedHeaders, Target},
    key::SigningKey,
    problem::{self, Code, Problem},
    time::Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};
use tempfile::TempDir;
use tower::ServiceExt;

#[allow(unused_imports, reason = "each test file uses what it needs")]
pub use person::{Person, device, key, new_item, record};

/// The service's name in tests.
pub const AUTHORITY: &str = "vault.example";
/// When tests begin, Unix seconds; services start ten seconds earlier.
pub const NOW_S: i64 = 1_800_000_000;

/// A random number generator.
pub fn rng() -> impl rand::CryptoRng {
    rand::rng()
}

/// A running service without its listener.
pub struct Service {
    pub app: Arc<App>,
    pub router: Router,
    pub now_s: Arc<AtomicI64>,
    directory: Option<TempDir>,
}

impl Service {
    /// With a data directory of its own.
    pub fn start() -> Self {
        Self::with(Settings::default(), &Options::default())
    }

    pub fn with(settings: Settings, options: &Options) -> Self {
        let directory = TempDir::new().unwrap();
        let mut service = Self::over(directory.path(), settings, options);
        service.directory = Some(directory);
        service
    }

    /// Over a data directory that the caller keeps.
    pub fn over(directory: &Path, settings: Settings, options: &Options) -> Self {
        Self::over_at(directory, settings, options, NOW_S - 10)
    }

    /// As [`Service::over`], started at that time.
    pub fn over_at(
        directory: &Path,
        settings: Settings,
        options: &Options,
        started_s: i64,
    ) -> Self {
        let now_s = Arc::new(AtomicI64::new(started_s));
        let clock = now_s.clone();
        let clock =
            Box::new(move || Timestamp::from_unix_s(clock.load(Ordering::Relaxed)).unwrap());
        let store = Store::open(directory, options).unwrap();
        let authorities = vec![AUTHORITY.to_owned()];
        let settings = Settings { authorities, ..settings };
        let app = Arc::new(App::new(store, settings, SigningKey::from_seed(&[77; 32]), clock));
        now_s.store(NOW_S.max(started_s), Ordering::Relaxed);
        Self { router: http::router(app.clone()), app, now_s, directory: None }
    }

    /// With a data directory of its own and a log in it, which has published.
    pub fn with_log() -> Self {
        let directory = TempDir::new().unwrap();
        let clock = Box::new(|| Timestamp::from_unix_s(NOW_S).unwrap());
        let store = Store::open(directory.path(), &Options::default()).unwrap();
        let authorities = vec![AUTHORITY.to_owned()];
        let settings = Settings { authorities, ..Settings::default() };
        let key = SigningKey::from_seed(&[77; 32]);
        let log = LogSettings::new("vault.example/log".parse().unwrap());
        let app = App::new(store, settings, key, clock).with_log(log).unwrap();
        let app = Arc::new(app);
        while app.log().unwrap().published().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let now_s = Arc::new(AtomicI64::new(NOW_S));
        Self { router: http::router(app.clone()), app, now_s, directory: Some(directory) }
    }

    pub fn path(&self) -> &Path {
        self.app.store().directory()
    }

    pub fn set_now_s(&self, now_s: i64) {
        self.now_s.store(now_s, Ordering::Relaxed);
    }

    pub async fn send(&self, request: &Call) -> Answer {
        self.send_raw(request.http()).await
    }

    pub async fn send_raw(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = self.answer(request).await;
        if !answer.status.is_success() {
            let document = self.answer(Request::get("/openapi.json").body(Body::empty()).unwrap());
            documented::check(&document.await.json(), &method, &path, &answer);
        }
        answer
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Signs now and sends.
    pub async fn ask(&self, key: &SigningKey, method: &str, path: &str) -> Answer {
        self.send(&self.call(key, method, path, &[])).await
    }

    pub async fn post(&self, key: &SigningKey, path: &str, body: &impl Serialize) -> Answer {
        self.send(&self.call(key, "POST", path, &serde_json::to_vec(body).unwrap())).await
    }

    /// A request signed now.
    pub fn call(&self, key: &SigningKey, method: &str, path: &str, body: &[u8]) -> Call {
        Call::signed(key, method, path, body, self.now_s.load(Ordering::Relaxed))
    }
}

/// A signed request, open to be spoilt.
#[derive(Clone)]
pub struct Call {
    pub method: String,
    pub path: String,
    pub host: String,
    pub media_type: Option<&'static str>,
    pub signed: SignedHeaders,
    pub extra: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Call {
    pub fn signed(key: &SigningKey, method: &str, path: &str, body: &[u8], created_s: i64) -> Self {
        let signed = sign(key, method, AUTHORITY, path, body, created_s);
        let media_type = match method {
            "POST" => Some("application/json"),
            "PUT" => Some("application/octet-stream"),
            _ => None,
        };
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            host: AUTHORITY.to_owned(),
            media_type,
            signed,
            extra: Vec::new(),
            body: body.to_owned(),
        }
    }

    pub fn http(&self) -> Request<Body> {
        let mut request = Request::builder()
            .method(self.method.as_str())
            .uri(&self.path)
            .header("host", &self.host)
            .header("content-digest", &self.signed.content_digest)
            .header("signature-input", &self.signed.signature_input)
            .header("signature", &self.signed.signature);
        if let Some(media_type) = self.media_type {
            request = request.header("content-type", media_type);
        }
        let mut request = request.body(Body::from(self.body.clone())).unwrap();
        for (name, value) in &self.extra {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().append(HeaderName::from_static(name), value);
        }
        request
    }
}

/// The header fields that sign a request.
pub fn sign(
    key: &SigningKey,
    method: &str,
    authority: &str,
    path: &str,
    body: &[u8],
    created_s: i64,
) -> SignedHeaders {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let target = Target::new(method, authority, path, query).unwrap();
    let key_id = KeyId::new(&key.public().to_string()).unwrap();
    httpsig::sign(key, &key_id, &target, &ContentDigest::of(body), created_s, &mut rng()).unwrap()
}

/// What the service answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body, which must be a success.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        assert!(self.status.is_success(), "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    #[track_caller]
    pub fn ok(&self) {
        assert!(self.status.is_success(), "{self:?}");
    }

    /// The code of a problem document, which this must be, whole.
    #[track_caller]
    pub fn code(&self) -> Code {
        assert!(!self.status.is_success(), "{self:?}");
        assert_eq!(self.headers["content-type"], problem::MEDIA_TYPE);
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        assert_eq!(problem.code.status(), self.status.as_u16());
        assert!(!problem.detail.is_empty());
        problem.code
    }
}
