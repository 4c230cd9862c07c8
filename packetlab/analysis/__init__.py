"""Questions asked of whole captures: columns, display filter, flows, streams, findings."""
