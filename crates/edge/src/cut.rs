//! Connections that are cut in place of an answer.

use http::Response;

/// Among a response's extensions: the door cuts the connection in place of sending it.
#[derive(Clone, Copy, Debug)]
pub struct Cut;

/// Why a connection has ended.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection was cut by order")]
pub(crate) struct WasCut;

/// The response, unless its connection is to be cut.
pub(crate) fn unless_cut<B>(response: Response<B>) -> Result<Response<B>, WasCut> {
    if response.extensions().get::<Cut>().is_some() { Err(WasCut) } else { Ok(response) }
}
