package import AssayDomain
package import AssayRegistry
package import NIOCore
import Synchronization

/// A blob store beside which something happens: a registry stores a verdict between deciding and moving an alias.
package final class HookedBlobStore: BlobStore {
    private let store: any BlobStore
    private let hooks = Mutex<[@Sendable () async throws -> Void]>([])

    init(_ store: any BlobStore) { self.store = store }

    /// Has something happen before each of the next small contents is stored, one for each.
    package func beforePuts(_ bodies: [@Sendable () async throws -> Void]) { hooks.withLock { $0 = bodies } }

    package func beforeNextPut(_ body: @escaping @Sendable () async throws -> Void) { beforePuts([body]) }

    package func put(_ bytes: [UInt8], as digest: Digest) async throws {
        // The config of all referrers is no verdict.
        if bytes.count > 2, let hook = hooks.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { try await hook() }
        try await store.put(bytes, as: digest)
    }

    package var isWritable: Bool { store.isWritable }

    package func beginUpload(hashing algorithm: Digest.Algorithm) async throws -> UploadID {
        try await store.beginUpload(hashing: algorithm)
    }

    package func uploadedBytes(of id: UploadID) async throws -> Int64 { try await store.uploadedBytes(of: id) }

    package func append(
        _ body: some AsyncSequence<ByteBuffer, any Error> & Sendable, to id: UploadID, at offset: Int64?
    ) async throws -> Int64 {
        try await store.append(body, to: id, at: offset)
    }

    package func finishUpload(
        _ id: UploadID, appending body: some AsyncSequence<ByteBuffer, any Error> & Sendable, at offset: Int64?,
        as digest: Digest
    ) async throws -> Int64 {
        try await store.finishUpload(id, appending: body, at: offset, as: digest)
    }

    package func cancelUpload(_ id: UploadID) async throws { try await store.cancelUpload(id) }

    package func reapUploads() async throws { try await store.reapUploads() }

    package func unfinishedUploads() async throws -> UploadsHeld { try await store.unfinishedUploads() }

    package func dropUploads() async throws -> UploadsHeld { try await store.dropUploads() }

    package func size(of digest: Digest) async throws -> Int64? { try await store.size(of: digest) }

    package func isWhole(_ digest: Digest, size: Int64) async throws -> Bool {
        try await store.isWhole(digest, size: size)
    }

    package func open(_ digest: Digest) async throws -> (any StoredBlob)? { try await store.open(digest) }

    package func withLocalFile<Result: Sendable>(
        of digest: Digest, _ body: @Sendable (String) async throws -> Result
    ) async throws -> Result {
        try await store.withLocalFile(of: digest, body)
    }
}
