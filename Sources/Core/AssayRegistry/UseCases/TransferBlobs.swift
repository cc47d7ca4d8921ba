package import AssayDomain
import Logging
package import NIOCore

/// Moves bytes in and out of repositories: the blob half of every push and pull.
package struct TransferBlobs: Sendable {
    /// How long a pushed blob waits for a manifest before garbage collection may take it.
    package static let leaseSeconds: Int64 = 24 * 3600

    let blobs: any BlobStore
    let index: any Index
    let codes: any MessageCodes
    let clock: any WallClock
    let steadyClock: any SteadyClock
    let logger: Logger

    /// Opens an upload session; only the repository it was opened for can name it.
    package func begin(
        in repository: RepositoryName, hashing algorithm: Digest.Algorithm = .sha256
    ) async throws -> UploadTicket {
        try ticket(try await blobs.beginUpload(hashing: algorithm), in: repository)
    }

    /// What uploads hold that are not finished.
    package func unfinishedUploads() async throws -> UploadsHeld { try await blobs.unfinishedUploads() }

    /// Removes the uploads that no request writes to at the moment; their clients begin anew.
    package func dropUploads() async throws -> UploadsHeld { try await blobs.dropUploads() }

    /// Removes uploads that were given up, now and then, until the task is cancelled.
    package func reapUploads(every interval: Duration) async throws {
        while true {
            try await Task.sleep(for: interval)
            do {
                try await blobs.reapUploads()
            } catch {
                logger.warning("unfinished uploads could not be looked through", metadata: ["error": "\(error)"])
            }
        }
    }

    /// The session behind a ticket's text. Throws `upload-not-found`, also for a ticket of another repository.
    package func ticket(parsing text: some StringProtocol, in repository: RepositoryName) throws -> UploadTicket {
        let ticket = try ticket(try UploadID(parsing: text.prefix(UploadID.length)), in: repository)
        // All of it is compared, so that the time taken does not tell how much of a guess is right.
        let differences = zip(ticket.text.utf8, text.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
        guard ticket.text.utf8.count == text.utf8.count, differences == 0 else {
            throw AssayError(.uploadNotFound, "\(repository) has no upload \(Printable.quote(text, limit: 60))")
        }
        return ticket
    }

    /// The size of a session in bytes. Throws `upload-not-found`.
    package func uploadedBytes(of ticket: UploadTicket) async throws -> Int64 {
        try await blobs.uploadedBytes(of: ticket.id)
    }

    /// Appends a body; see `BlobStore.append`.
    package func append(
        _ body: some AsyncSequence<ByteBuffer, any Error> & Sendable, to ticket: UploadTicket, at offset: Int64?
    ) async throws -> Int64 {
        try await blobs.append(body, to: ticket.id, at: offset)
    }

    /// Appends the rest of a body and makes the session a blob that its repository may read; see
    /// `BlobStore.finishUpload`.
    package func finish(
        _ ticket: UploadTicket, appending body: some AsyncSequence<ByteBuffer, any Error> & Sendable,
        at offset: Int64?, as digest: Digest
    ) async throws {
        let size = try await blobs.finishUpload(ticket.id, appending: body, at: offset, as: digest)
        try await index.linkBlob(
            digest, size: size, to: ticket.repository, at: clock.now(), leasedUntil: leaseEnd)
    }

    /// Throws `upload-not-found`.
    package func cancel(_ ticket: UploadTicket) async throws { try await blobs.cancelUpload(ticket.id) }

    private func ticket(_ id: UploadID, in repository: RepositoryName) throws -> UploadTicket {
        let binding = Hex.encode(try codes.code(of: Array("\(id) \(repository)".utf8)))
        return UploadTicket(id: id, repository: repository, text: id.text + binding.prefix(UploadTicket.bindingLength))
    }

    /// Makes a blob of another repository readable here; false if it is not there to be mounted.
    package func mount(
        _ digest: Digest, from source: RepositoryName?, to repository: RepositoryName
    ) async throws -> Bool {
        guard let size = try await blobs.size(of: digest) else { return false }
        guard
            try await index.mountBlob(
                digest, from: source, to: repository, at: clock.now(), leasedUntil: leaseEnd)
        else { return false }
        // One that was cut on the disk is not there to be mounted: whoever asks brings it again, and so heals it.
        return try await index.blobSize(digest, in: repository) == size
    }

    private var leaseEnd: Timestamp { steadyClock.now().advanced(bySeconds: Self.leaseSeconds) }

    /// The size of a blob that the repository may read. Throws `blob-not-found`.
    package func size(of digest: Digest, in repository: RepositoryName) async throws -> Int64 {
        guard let size = try await index.blobSize(digest, in: repository),
            // A blob that was found damaged is missing, so that a client that asks first brings it again.
            try await blobs.size(of: digest) == size
        else { throw Self.absent(digest, repository) }
        return size
    }

    /// Opens a blob that the repository may read. Throws `blob-not-found`, also for one that is found damaged now.
    package func open(_ digest: Digest, in repository: RepositoryName) async throws -> any StoredBlob {
        guard let size = try await index.blobSize(digest, in: repository) else { throw Self.absent(digest, repository) }
        do {
            guard let blob = try await blobs.open(digest), blob.size == size else {
                throw Self.absent(digest, repository)
            }
            return blob
        } catch let error as AssayError where error.code == .digestMismatch {
            throw Self.missing(error)
        }
    }

    /// Reads the first piece of a part, which may be all of it. Throws `blob-not-found` if it is found damaged.
    package func firstPiece(of stream: BlobStream) async throws -> ByteBuffer {
        do {
            var pieces = stream.makeAsyncIterator()
            return try await pieces.next() ?? ByteBuffer()
        } catch let error as AssayError where error.code == .digestMismatch {
            throw Self.missing(error)
        }
    }

    private static func absent(_ digest: Digest, _ repository: RepositoryName) -> AssayError {
        AssayError(.blobNotFound, "\(repository) has no blob \(digest)")
    }

    /// What a damaged blob is to whoever asks for it: not there.
    private static func missing(_ error: AssayError) -> AssayError {
        AssayError(.blobNotFound, error.message, reason: error.reason, remedy: error.remedy, cause: error)
    }
}

/// An upload session as its repository names it: the id, and a part of a code that binds it to the
/// repository, which only the store can make.
package struct UploadTicket: Sendable, Hashable {
    static let bindingLength = 16

    let id: UploadID
    package let repository: RepositoryName
    /// 48 lower-case hex digits.
    package let text: String
}
