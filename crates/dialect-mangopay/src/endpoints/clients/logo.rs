//! A platform's logo: uploaded by the platform, and shown to whoever is sent to its pages.

use std::sync::Arc;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::platform::{ClientLogo, ImageFormat, LOGO_MAX_BYTES, LogoError, Platform, UploadLogo};
use domain::{PlatformId, RecordKey, Resource};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use ledger::Uid;

use crate::call::{Call, WireResponse};
use crate::service::Dialect;
use crate::wire::error::WireError;

/// Path under which logos are shown, to everybody: they are on pages that anybody may be sent to.
pub const PATH: &str = "/logos/{platform}";

/// Characters of the base64 of the largest logo.
const BASE64_MAX: usize = (LOGO_MAX_BYTES / 3 + 1) * 4;

/// `PUT /clients/logo`: `{"File": base64}` of a PNG, JPEG or GIF.
pub async fn upload(call: &Call) -> Result<WireResponse, WireError> {
    let mut fields = call.fields()?;
    let file = fields.text("File", usize::MAX).required();
    let Some(file) = file else { return Err(fields.into_error()) };
    fields.finish()?;
    if file.len() > BASE64_MAX {
        return Err(WireError::body_too_large());
    }
    let bytes = STANDARD.decode(file.trim()).map_err(|_| WireError::wrong_field("File", NOT_BASE64))?;
    let logo = ClientLogo::new(bytes).map_err(|error| match error {
        LogoError::TooLarge => WireError::body_too_large(),
        LogoError::UnknownFormat => WireError::unsupported_media(),
    })?;
    call.submit(UploadLogo { logo }, |_, result| match result {
        Ok(()) => Ok(Vec::new()),
        Err(never) => match *never {},
    })
    .await
}

/// Source: reference, people part, 2.4.
const NOT_BASE64: &str = "Invalid length for a Base-64 char array or string.";

/// The absolute URL of a platform's logo.
#[must_use]
pub fn url(public_url: &str, platform: PlatformId) -> String {
    format!("{public_url}/logos/{platform}")
}

/// A platform's logo as an image; 404 without a body where there is none.
pub async fn serve(dialect: Arc<Dialect>, platform: &str) -> Response<Body> {
    let logo = match Uid::parse(platform).map(PlatformId) {
        Some(platform) => find(&dialect, platform).await,
        None => Ok(None),
    };
    match logo {
        Ok(Some(logo)) => image(&logo),
        Ok(None) => empty(StatusCode::NOT_FOUND),
        Err(()) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn find(dialect: &Dialect, platform: PlatformId) -> Result<Option<Arc<ClientLogo>>, ()> {
    let found = async |kind| {
        let record = dialect.reads.record(RecordKey { kind, platform, id: platform.0 }).await;
        record.map_err(|error| tracing::error!(%error, %platform, "a logo could not be read"))
    };
    let owner = found(Platform::KIND).await?.and_then(|record| record.body::<Platform>());
    if owner.is_none_or(|owner| owner.has_ended()) {
        return Ok(None);
    }
    Ok(found(ClientLogo::KIND).await?.and_then(|record| record.body::<ClientLogo>()))
}

fn image(logo: &ClientLogo) -> Response<Body> {
    let kind = match logo.format() {
        ImageFormat::Png => "image/png",
        ImageFormat::Jpeg => "image/jpeg",
        ImageFormat::Gif => "image/gif",
    };
    let mut response = Response::new(Body::from(Bytes::copy_from_slice(logo.bytes())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
