/// What the operator of a store chooses; each has a default that is safe.
package struct StoreSettings: Sendable, Hashable {
    /// How long an unfinished upload waits for its next byte.
    package var uploadExpiry = Duration.seconds(24 * 3600)
    /// The largest manifest that is accepted, in bytes.
    package var manifestBytesMax = Manifest.bytesMaxDefault
    package var readCheck = ReadCheck.checksums
    /// Whether versions, manifests and blobs can be deleted.
    package var allowsDeletes = true
    package var evaluators = EvaluatorSettings()

    package init() {}
}

/// What is looked at before a blob's bytes are handed out.
package enum ReadCheck: String, Sendable, CaseIterable {
    /// Every chunk is compared with the checksum that was taken when it was written.
    case checksums
    /// Nothing: bytes are what the file system gives.
    case none
}
