//! What etcd alone does: a put for each claim, through the same gateway (<https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/>).

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use portreeve_lab::namespace::Namespace;

use super::super::durable::Pace;
use crate::shell::Result;

/// Longer than any put takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// As long as a claim is that is kept there, in base64.
const VALUE: &str = "eyJpZCI6IjAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDBiIiwibmFtZSI6IndlYiIsInNjb3BlIjoiaG9zdDo0YzFkIiwicHJvdG9jb2wiOiJ0Y3AiLCJwb3J0cyI6eyJmaXJzdCI6MjA1MDAsImxhc3QiOjIwNTAwfX0=";

/// So many clients beside it, each with a connection of its own that stays, and so many puts each.
pub(super) fn run(place: &Namespace, endpoint: &str, clients: u32, each: u32) -> Result<Pace> {
    let start = Instant::now();
    let took = thread::scope(|scope| {
        let clients = (0..clients).map(|client| scope.spawn(move || puts(place, endpoint, client, each)));
        let clients: Vec<_> = clients.collect();
        clients.into_iter().map(|client| client.join().expect("it does not panic")).collect::<Vec<_>>()
    });
    let elapsed = start.elapsed();
    let took = took.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
    Pace::of(took.iter().map(Vec::len).sum(), elapsed, took.into_iter().flatten().max().unwrap_or_default())
}

/// What each put of one client took.
fn puts(
    place: &Namespace,
    endpoint: &str,
    client: u32,
    each: u32,
) -> std::result::Result<Vec<Duration>, String> {
    place.enter().map_err(|error| error.to_string())?;
    let mut connection = connect(endpoint).map_err(|error| error.to_string())?;
    let put = |turn| {
        let start = Instant::now();
        // Whatever key: the first letters are of base64 too.
        let body = format!("{{\"key\":\"cHV0c{client:04}{turn:07}\",\"value\":\"{VALUE}\"}}");
        put(&mut connection, endpoint, &body).map_err(|error| error.to_string())?;
        Ok(start.elapsed())
    };
    (0..each).map(put).collect()
}

fn connect(endpoint: &str) -> std::io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(endpoint)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

/// One request and its answer (RFC 9112).
fn put(connection: &mut BufReader<TcpStream>, endpoint: &str, body: &str) -> Result {
    let length = body.len();
    let request =
        format!("POST /v3/kv/put HTTP/1.1\r\nHost: {endpoint}\r\nContent-Length: {length}\r\n\r\n{body}");
    connection.get_mut().write_all(request.as_bytes())?;
    let mut line = String::new();
    connection.read_line(&mut line)?;
    if !line.contains(" 200 ") {
        return Err(format!("etcd said `{}`", line.trim()).into());
    }
    let mut answer_bytes = None;
    while line != "\r\n" {
        line.clear();
        connection.read_line(&mut line)?;
        let header = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        answer_bytes = header.and_then(|(_, value)| value.trim().parse().ok()).or(answer_bytes);
    }
    let mut answer = vec![0; answer_bytes.ok_or("etcd told no length")?];
    connection.read_exact(&mut answer)?;
    Ok(())
}
