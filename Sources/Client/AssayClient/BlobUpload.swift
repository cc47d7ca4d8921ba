import AssayCrypto
import AssayDomain
import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// One blob on its way to the server.
final class BlobUpload {
    private let client: AssayClient
    private let source: UploadSource
    private let repository: RepositoryName
    private let journal: UploadJournal
    private let key: UploadJournal.Key
    private let progress: @Sendable (Int64) -> Void
    /// The path and query of the session; nil if there is none.
    private var location: String?
    /// How many bytes the server is known to hold.
    private var offset: Int64 = 0
    /// What the server held before this upload sent its first byte.
    private var bytesFoundThere: Int64?
    /// How far its bytes were handed over.
    private let pulse = UploadPulse()
    /// Whether the session began in an earlier attempt, so that a wrong digest may be that one's fault.
    private var isResumed = false

    init(
        client: AssayClient, source: UploadSource, repository: RepositoryName, journal: UploadJournal,
        key: UploadJournal.Key, progress: @escaping @Sendable (Int64) -> Void
    ) {
        self.client = client
        self.source = source
        self.repository = repository
        self.journal = journal
        self.key = key
        self.progress = progress
        location = journal.location(of: key)
    }

    private var transport: Transport { client.transport }

    /// Sends what is missing and closes the session; gives the number of bytes sent.
    func run() async throws -> Int64 {
        do {
            try await transport.retry.run(position: { max(offset, pulse.reached) }) { try await attempt() }
        } catch let error as AssayError where error.code == .digestMismatch && isResumed {
            // The session may hold bytes of a file that has changed since; a fresh one settles it.
            isResumed = false
            try await transport.retry.run(position: { max(offset, pulse.reached) }) { try await attempt() }
        }
        journal.forget(key)
        progress(source.size)
        return source.size - (bytesFoundThere ?? source.size)
    }

    private func attempt() async throws {
        if location != nil { try await resume() }
        if location == nil, try await begin() { return }
        if source.size > AssayClient.singleRequestBytesMax, offset < source.size { try await sendRest() }
        try await finish()
    }

    /// Asks how far the session is; one that is gone is forgotten.
    private func resume() async throws {
        guard let location else { return }
        let response = try await transport.send(transport.request(.GET, location))
        switch response.status {
        case .noContent, .ok, .accepted:
            offset = try position(in: response)
            bytesFoundThere = bytesFoundThere ?? offset
            isResumed = offset > 0
            progress(offset)
        case .notFound: abandon()
        default: throw await transport.ociError(response, doing: "to resume an upload")
        }
    }

    /// Opens a session; true if the server took the blob from another repository instead.
    private func begin() async throws -> Bool {
        let path = "/v2/\(repository)/blobs/uploads/"
        var request = transport.request(.POST, path, query: ["mount": source.digest])
        request.headers.add(name: "Content-Length", value: "0")
        let response = try await transport.send(request)
        if response.status == .created { return true }
        guard response.status == .accepted else { throw await transport.ociError(response, doing: "an upload") }
        offset = 0
        bytesFoundThere = bytesFoundThere ?? 0
        try follow(response)
        if source.size > AssayClient.singleRequestBytesMax, let location { journal.remember(location, of: key) }
        return false
    }

    private func sendRest() async throws {
        guard let location else { return }
        var request = transport.request(.PATCH, location)
        request.headers.add(name: "Content-Type", value: MediaType.octetStream)
        request.headers.add(name: "Content-Range", value: "\(offset)-\(source.size - 1)")
        request.body = rest()
        let response = try await transport.send(request, pulse: pulse)
        guard response.status == .accepted else {
            if response.status == .rangeNotSatisfiable {
                // The two sides disagree on the offset; starting anew is safe.
                await cancel()
                throw AssayError(.uploadBusy, "the server holds another part of \(source.digest) than it said")
            }
            throw await transport.ociError(response, doing: "a part of \(source.digest)")
        }
        offset = source.size
        try follow(response)
    }

    /// Closes the session under the digest, with the bytes themselves if they are few.
    private func finish() async throws {
        try await checkSource()
        guard let location else { return }
        let separator = location.contains("?") ? "&" : "?"
        var request = transport.request(
            .PUT, "\(location)\(separator)digest=\(PercentEncoding.encode("\(source.digest)"))")
        request.headers.add(name: "Content-Type", value: MediaType.octetStream)
        request.body = offset < source.size ? rest() : .bytes(ByteBuffer())
        let response = try await transport.send(request, pulse: pulse)
        guard response.status == .created else { throw await refusal(response) }
    }

    /// What is not yet with the server.
    private func rest() -> HTTPClientRequest.Body {
        switch source.content {
        case .bytes(let bytes): return .bytes(ByteBuffer(bytes: bytes[Int(offset)...]))
        case .file(let file, let start):
            let chunks = FileChunks(
                file: file, range: start + offset..<start + source.size, access: client.files,
                progress: { [progress, pulse] in
                    pulse.beat(at: $0 - start)
                    progress($0 - start)
                })
            return .stream(chunks, length: .known(source.size - offset))
        }
    }

    /// A refused digest is the file's fault if its bytes are no longer those that were hashed.
    private func refusal(_ response: HTTPClientResponse) async -> any Error {
        let error = await transport.ociError(response, doing: "the bytes of \(source.digest)")
        guard let refusal = error as? AssayError, refusal.code == .digestMismatch else { return error }
        await cancel()
        guard case .file(let file, let start) = source.content else { return error }
        do {
            let digest = StreamingDigest()
            try await client.files.update(digest, with: file, range: start..<start + source.size, progress: { _ in })
            guard digest.finalize() == source.digest else { return changed(file) }
            return error
        } catch {
            return error
        }
    }

    /// Ends the session if the file has changed since it was hashed.
    private func checkSource() async throws {
        guard case .file(let file, _) = source.content else { return }
        do {
            try await client.files.run { try file.checkUnchanged() }
        } catch {
            await cancel()
            throw error
        }
    }

    private func changed(_ file: LocalFile) -> AssayError {
        AssayError(
            .changedWhileReading, "\(Printable.quote(file.path)) changed while it was read",
            remedy: "try again when nothing writes to it")
    }

    /// Tells the server that the session is not wanted; it would expire by itself, so a failure does not matter.
    private func cancel() async {
        if let location { _ = try? await transport.send(transport.request(.DELETE, location)) }
        abandon()
    }

    private func abandon() {
        location = nil
        offset = 0
        journal.forget(key)
    }

    /// Goes on with the location of the latest answer.
    private func follow(_ response: HTTPClientResponse) throws {
        guard let text = response.headers.first(name: "Location"), let path = UploadLocation.path(of: text) else {
            throw AssayError(.serverRefused, "the server named no usable place for an upload")
        }
        location = path
    }

    private func position(in response: HTTPClientResponse) throws -> Int64 {
        let text = response.headers.first(name: "Range") ?? ""
        guard let position = UploadLocation.position(fromRange: text), position <= source.size else {
            throw AssayError(.serverRefused, "the server told no usable position of an upload")
        }
        return position
    }
}
