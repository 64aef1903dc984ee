//! The directory of members, after The Update Framework: documents, thresholds, rotation, freshness; the hub's publisher and every
//! node's verified, cached view.
