//! Real HTTP: a server before the proxy, and a viewer who chooses the loopback address that it comes from.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ::http::StatusCode;
use ::http::request::Builder;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;

use super::Answer;
use crate::world::World;

/// Serves the world's public names on a port of its own.
pub(super) async fn front(world: Arc<World>) -> SocketAddr {
    let router = Router::new().fallback(move |request: Request<Body>| {
        let world = world.clone();
        async move { crate::proxy::serve(world, request).await.unwrap_or_else(|_| dropped()) }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// What stands here for a connection that is closed without an answer, as the front door does it.
pub(super) const DROPPED: u16 = 444;

pub(super) fn dropped() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(DROPPED).unwrap();
    response
}

/// One request on a connection of its own.
pub(super) async fn ask(front: SocketAddr, viewer: Ipv4Addr, request: Builder, body: &str) -> Answer {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((viewer, 0).into()).unwrap();
    let stream = socket.connect(front).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = request.body(Full::<Bytes>::from(body.to_owned())).unwrap();
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}
