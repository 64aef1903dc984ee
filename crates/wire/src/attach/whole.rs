//! A message that is in memory, converted at once: what streams sets aside on disk is set aside in memory here.

use super::{AttachFault, Base64Encoder, Converter, Step};
use std::mem::take;

/// Converts a whole message in memory: the content type and the bytes. At most `spool_max` bytes are set aside.
pub fn convert_whole(
    converter: &mut Converter,
    body: &[u8],
    spool_max: usize,
) -> Result<(String, Vec<u8>), AttachFault> {
    let mut out = Vec::with_capacity(body.len());
    let mut aside: Vec<Vec<u8>> = Vec::new();
    let mut total = 0;
    let mut steps = converter.push(body)?;
    steps.extend(converter.finish()?);
    for step in steps {
        match step {
            Step::Bytes(bytes) => out.extend_from_slice(&bytes),
            Step::NeedsSpool { .. } => aside.push(Vec::new()),
            Step::Spool { id, bytes } => {
                total += bytes.len();
                if total > spool_max {
                    return Err(AttachFault::Spool(spool_max));
                }
                if let Some(spool) = aside.get_mut(id) {
                    spool.extend_from_slice(&bytes);
                }
            }
            Step::Insert { id, base64 } => {
                let data = aside.get_mut(id).map(take).unwrap_or_default();
                if base64 {
                    let mut encoder = Base64Encoder::default();
                    encoder.push(&data, &mut out);
                    encoder.finish(&mut out);
                } else {
                    out.extend_from_slice(&data);
                }
            }
        }
    }
    Ok((converter.content_type(), out))
}
