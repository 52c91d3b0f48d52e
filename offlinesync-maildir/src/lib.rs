//! offlinesync-maildir
