import AssayDomain
import AssayRegistry
import Foundation
import HTTPKit
import HTTPTypes
import Hummingbird
import NIOCore

extension OCIFrontEnd {
    @Sendable func headBlob(_ call: Call) async throws -> Response {
        let digest = try Digest(parsing: try call.capture("digest"))
        let size = try await registry.blobs.size(of: digest, in: try call.repository())
        let headers = Self.headers(of: digest)
        if Caching.isKnown(digest, to: call.request) { return .notModified(headers) }
        return .empty(.ok, headers: headers.adding(.contentLength, "\(size)"))
    }

    @Sendable func getBlob(_ call: Call) async throws -> Response {
        let digest = try Digest(parsing: try call.capture("digest"))
        let blob = try await registry.blobs.open(digest, in: try call.repository())
        let headers = Self.headers(of: digest)
        if Caching.isKnown(digest, to: call.request) { return .notModified(headers) }
        let range: ByteRange
        do {
            range = try ByteRange(header: Caching.range(of: call.request, for: digest), size: blob.size)
        } catch {
            var response = response(to: error, requestID: call.requestID)
            response.headers[.contentRange] = "bytes */\(blob.size)"
            return response
        }
        switch range {
        case .whole: return try await send(BlobStream(blob, 0..<blob.size), .ok, headers)
        case .part(let part):
            let place = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(blob.size)"
            return try await send(BlobStream(blob, part), .partialContent, headers.adding(.contentRange, place))
        }
    }

    /// How much of a long answer goes out with its head, so that its reader can begin.
    private static let startBytes = 16 << 10

    /// The first piece is read before the answer begins, so that a blob which is found damaged there is not there.
    private func send(
        _ stream: BlobStream, _ status: HTTPResponse.Status, _ headers: HTTPFields
    ) async throws -> Response {
        let first = try await registry.blobs.firstPiece(of: stream)
        let rest = BlobStream(
            stream.blob, stream.range.lowerBound + Int64(first.readableBytes)..<stream.range.upperBound)
        guard !rest.range.isEmpty else {
            return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: first))
        }
        let body = ResponseBody(contentLength: stream.range.count) { writer in
            var first = first
            if let start = first.readSlice(length: Self.startBytes) { try await writer.write(start) }
            try await writer.write(first)
            for try await piece in rest { try await writer.write(piece) }
            try await writer.finish(nil)
        }
        return Response(status: status, headers: headers, body: body)
    }

    private static func headers(of digest: Digest) -> HTTPFields {
        Caching.headers(of: digest, isFixed: true)
            .adding(.contentType, MediaType.octetStream).adding(.acceptRanges, "bytes")
    }

    // MARK: Uploads

    @Sendable func startUpload(_ call: Call) async throws -> Response {
        let repository = try call.repository()
        if let mount = try call.query["mount"] {
            let digest = try Digest(parsing: mount)
            if try await self.mount(digest, from: call.query["from"], to: repository) {
                return created(digest, in: repository)
            }
        }
        let expected = try call.query["digest"].map { try Digest(parsing: $0) }
        let ticket = try await registry.blobs.begin(
            in: repository, hashing: try expected?.algorithm ?? algorithm(of: call))
        guard let expected, try call.query["mount"] == nil else { return accepted(ticket, size: 0) }
        do {
            try await registry.blobs.finish(ticket, appending: call.request.body.errorTyped, at: 0, as: expected)
        } catch {
            // The failure of the upload is the one that counts.
            try? await registry.blobs.cancel(ticket)
            throw error
        }
        return created(expected, in: repository)
    }

    /// The algorithm that a client tells ahead; a parameter of the specification after 1.1.1.
    private func algorithm(of call: Call) throws(AssayError) -> Digest.Algorithm {
        guard let name = try call.query["digest-algorithm"] else { return .sha256 }
        guard let algorithm = Digest.Algorithm(rawValue: name) else {
            throw AssayError(
                .digestUnsupported, "digest algorithm \(Printable.quote(name, limit: 20)) is not supported",
                remedy: "use sha256 or sha512")
        }
        return algorithm
    }

    /// Whether a blob could be mounted. A malformed source has nothing, so the answer is a new upload.
    private func mount(_ digest: Digest, from source: String?, to repository: RepositoryName) async throws -> Bool {
        guard let source else { return try await registry.blobs.mount(digest, from: nil, to: repository) }
        guard let source = try? RepositoryName(parsing: source) else { return false }
        return try await registry.blobs.mount(digest, from: source, to: repository)
    }

    @Sendable func appendChunk(_ call: Call) async throws -> Response {
        let ticket = try ticket(of: call)
        do {
            let range = try Self.contentRange(of: call.request)
            let size = try await registry.blobs.append(
                call.request.body.errorTyped, to: ticket, at: range?.lowerBound)
            guard range == nil || range?.upperBound == size else {
                throw AssayError(
                    .sizeInvalid, "the chunk is not as long as its Content-Range",
                    reason: "the upload stands at byte \(size)", remedy: "ask for the offset, then go on there")
            }
            return accepted(ticket, size: size)
        } catch let error as AssayError where error.code == .uploadOutOfOrder {
            return try await outOfOrder(error, ticket, call)
        }
    }

    @Sendable func closeUpload(_ call: Call) async throws -> Response {
        let ticket = try ticket(of: call)
        let digest = try Digest(parsing: call.query["digest"] ?? "")
        do {
            try await registry.blobs.finish(
                ticket, appending: call.request.body.errorTyped,
                at: try Self.contentRange(of: call.request)?.lowerBound,
                as: digest)
        } catch let error as AssayError where error.code == .uploadOutOfOrder {
            return try await outOfOrder(error, ticket, call)
        }
        return created(digest, in: ticket.repository)
    }

    @Sendable func uploadStatus(_ call: Call) async throws -> Response {
        let ticket = try ticket(of: call)
        let size = try await registry.blobs.uploadedBytes(of: ticket)
        return .empty(.noContent, headers: Self.headers(of: ticket, size: size))
    }

    @Sendable func cancelUpload(_ call: Call) async throws -> Response {
        try await registry.blobs.cancel(try ticket(of: call))
        return .empty(.noContent)
    }

    private func ticket(of call: Call) throws -> UploadTicket {
        // Text that is no name at all names no session either.
        let text = (try? call.capture("session")) ?? ""
        return try registry.blobs.ticket(parsing: text, in: try call.repository())
    }

    /// Where the chunk says it lies. A range without the word `bytes` is the specification's form.
    private static func contentRange(of request: Request) throws(AssayError) -> Range<Int64>? {
        guard let text = request.headers[.contentRange] else { return nil }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy(\.isDecimalDigit) }),
            let first = Int64(parts[0]), let last = Int64(parts[1]), last >= first, last < .max
        else {
            throw AssayError(
                .sizeInvalid, "Content-Range is \(Printable.quote(text, limit: 60))", remedy: "write FIRST-LAST")
        }
        if let length = request.headers[.contentLength].flatMap({ Int64($0) }), length != last - first + 1 {
            throw AssayError(.sizeInvalid, "Content-Range and Content-Length do not agree")
        }
        return first..<last + 1
    }

    private func outOfOrder(_ error: AssayError, _ ticket: UploadTicket, _ call: Call) async throws -> Response {
        var response = response(to: error, requestID: call.requestID)
        let size = try await registry.blobs.uploadedBytes(of: ticket)
        for field in Self.headers(of: ticket, size: size) { response.headers[field.name] = field.value }
        return response
    }

    private func accepted(_ ticket: UploadTicket, size: Int64) -> Response {
        .empty(.accepted, headers: Self.headers(of: ticket, size: size))
    }

    private static func headers(of ticket: UploadTicket, size: Int64) -> HTTPFields {
        [
            .location: "/v2/\(ticket.repository)/blobs/uploads/\(ticket.text)", .range: "0-\(max(size - 1, 0))",
            .dockerUploadUUID: ticket.text,
        ]
    }

    private func created(_ digest: Digest, in repository: RepositoryName) -> Response {
        .empty(
            .created,
            headers: [.location: "/v2/\(repository)/blobs/\(digest)", .dockerContentDigest: "\(digest)"])
    }
}

extension RequestBody {
    /// The body as the ports take it; Hummingbird's own sequence leaves its failure type open.
    var errorTyped: TypedBody { TypedBody(body: self) }
}

/// A request's body whose failures are typed as any error.
struct TypedBody: AsyncSequence, Sendable {
    typealias Failure = any Error

    let body: RequestBody

    struct AsyncIterator: AsyncIteratorProtocol {
        var iterator: RequestBody.AsyncIterator

        mutating func next() async throws -> ByteBuffer? { try await iterator.next() }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(iterator: body.makeAsyncIterator()) }
}
