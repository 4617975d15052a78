//! force-stop-and-restore
