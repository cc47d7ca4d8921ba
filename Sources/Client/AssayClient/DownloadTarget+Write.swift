import AssayCrypto
package import AssayDomain

extension DownloadTarget {
    /// Adds a number of bytes that the second argument puts into a buffer.
    package typealias Write =
        (_ count: Int, _ fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) throws -> Void) async throws -> Void

    /// Writes a file from somewhere on this machine; it has its name only after its bytes hash to the digest.
    ///
    /// Throws `digest-mismatch` if they do not, and leaves nothing then; `file-exists` if the name is taken.
    package func write(
        digest expected: Digest, files: FileAccess, _ body: (Write) async throws -> Void
    ) async throws {
        let draft = try await files.run { try folder.newDraft() }
        do {
            let digest = StreamingDigest(expected.algorithm)
            var position: Int64 = 0
            try await body { count, fill in
                let start = position
                try await files.run {
                    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4_096)
                    defer { buffer.deallocate() }
                    try fill(buffer)
                    digest.update(UnsafeRawBufferPointer(buffer))
                    try draft.write(UnsafeRawBufferPointer(buffer), at: start)
                }
                position += Int64(count)
            }
            guard digest.finalize() == expected else {
                throw AssayError(
                    .digestMismatch, "other bytes came than those of \(expected)",
                    remedy: "try again when nothing writes to what they are read from")
            }
            try await files.run { try folder.publish(draft, as: name, replacing: isReplacing) }
        } catch {
            folder.remove(draft.name)
            throw error
        }
    }
}
