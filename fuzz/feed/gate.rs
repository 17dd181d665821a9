//! Gives bytes to the readers of the gate's table, as the kernel lists it and as it is kept on the disk.

use portreeve_core::{
    gate::{Body, Keep, Listing, Revision, Standing, Temporary, apply, confirm, create, remove, take_back},
    receipt::Receipt,
};

/// Whatever is listed, what was read is written as it was read, and each change of it is one that can be written.
pub(crate) fn feed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = Temporary::read(&text);
    let _ = serde_json::from_slice::<Receipt>(bytes);
    if let Ok(listing) = Listing::read(&text) {
        // What names no object is nobody's, and stays where it is.
        let again = Listing::read(&listing.text()).expect("what was written is a listing");
        assert_eq!(again.text(), listing.text());
    }
    if let Some(body) = Body::read(&text) {
        keep(&body);
    }
    if let Ok(Some(standing)) = Standing::read(&text) {
        let _ = standing.zones().count();
        let _ = (remove(&standing), confirm(&standing), take_back(&standing));
        if let Some(body) = standing.body() {
            keep(body);
            let _ = apply(body, &standing, Keep::AtOnce, Default::default());
        }
    }
}

/// What is kept comes back the same, in a table that stands.
fn keep(body: &Body) {
    let kept = serde_json::to_string(body).expect("a body is a text");
    assert!(serde_json::from_str::<Body>(&kept).is_ok_and(|again| again == *body), "{kept}");
    let _ = create(body, Revision::of(1));
}
