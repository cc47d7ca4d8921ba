package import AssayDomain
import Foundation
import HTTPTypes
package import Hummingbird
import NIOCore

/// One request on its way to a handler: matched, and with its sender known.
package struct Call: Sendable {
    /// The request; its body is asked for from the client by reading it, and not before.
    package let request: Request
    package let query: Query
    package let principal: Principal
    package let requestID: String
    private let captures: [(name: String, text: String)]
    private let takesEncodedSlashes: Bool
    private let channel: any Channel
    private let share: BodyShare

    init(
        request: Request, query: Query, principal: Principal, requestID: String,
        captures: [(name: String, text: String)], takesEncodedSlashes: Bool, channel: any Channel, share: BodyShare
    ) {
        var request = request
        if !UnreadBody(of: request.head).isWhole {
            request.body = RequestBody(asyncSequence: AwaitedBody(body: request.body, channel: channel))
        }
        self.request = request
        self.query = query
        self.principal = principal
        self.requestID = requestID
        self.captures = captures
        self.takesEncodedSlashes = takesEncodedSlashes
        self.channel = channel
        self.share = share
    }

    /// The limit of a JSON body in bytes, where a route does not say otherwise: names, numbers, a key.
    package static let jsonBytesMax = 64 << 10

    /// A captured part of the path, decoded once. An encoded slash makes two spellings of one name, so it is refused
    /// but where the front end takes it. Throws `name-invalid`.
    package func capture(_ name: String) throws(AssayError) -> String {
        guard let raw = captures.first(where: { $0.name == name })?.text else {
            throw AssayError(.internalError, "the route has no part \(name)")
        }
        guard raw.utf8.contains(UInt8(ascii: "%")) else { return raw }
        guard let text = raw.removingPercentEncoding, takesEncodedSlashes || !raw.lowercased().contains("%2f") else {
            throw AssayError(
                .nameInvalid, "\(Printable.quote(raw, limit: 80)) is not a name", remedy: "write slashes as they are")
        }
        return text
    }

    package func repository(_ name: String = "name") throws(AssayError) -> RepositoryName {
        try RepositoryName(parsing: try capture(name))
    }

    package func reference(_ name: String = "reference") throws(AssayError) -> Reference {
        try Reference(parsing: try capture(name))
    }

    /// The whole body, if it has at most `bytesMax` bytes, in memory for as long as the request lasts.
    ///
    /// Throws `body-too-large`, before a client that waits is told to go on if it says the size; `too-many-bodies`;
    /// `request-invalid` for one that breaks off.
    package func body(upTo bytesMax: Int) async throws -> [UInt8] {
        let tooLarge = AssayError(.bodyTooLarge, "the body has over \(bytesMax) bytes")
        let length = request.headers[.contentLength].flatMap { Int($0) }
        if let length, length > bytesMax { throw tooLarge }
        channel.triggerUserOutboundEvent(BodyEvent.isKeptInMemory, promise: nil)
        var bytes: [UInt8] = []
        // Room that nothing is written to takes no memory, and one that grows has to be copied.
        bytes.reserveCapacity(length ?? 0)
        for try await piece in request.body {
            guard piece.readableBytes <= bytesMax - bytes.count else { throw tooLarge }
            try share.take(piece.readableBytes)
            bytes.append(contentsOf: piece.readableBytesView)
        }
        guard length == nil || length == bytes.count else { throw AssayError(.requestInvalid, "the body broke off") }
        return bytes
    }

    /// The whole body, if it is no larger than the limit and would cost no more to parse than four times of it.
    ///
    /// Throws what `body` does, and `too-many-entries`. Whether it is JSON at all is for its parser to say.
    package func jsonBytes(upTo bytesMax: Int) async throws -> [UInt8] {
        let bytes = try await body(upTo: bytesMax)
        try JSONWeight.check(bytes, limit: bytesMax)
        return bytes
    }

    /// The body as one strict JSON document with no key that the request does not have: a misspelt wish is an error,
    /// and never no wish. Throws `json-invalid`, `request-invalid`, `media-type-unsupported`, and as `jsonBytes` does.
    package func json<Value: Codable>(_ type: Value.Type, upTo bytesMax: Int = jsonBytesMax) async throws -> Value {
        try requireJSON()
        let bytes = try await jsonBytes(upTo: bytesMax)
        let value = try JSON.decode(type, from: bytes)
        if let path = try JSONOutline(of: value).firstUnknown(in: bytes) {
            throw AssayError(
                .requestInvalid, "the body has the unknown key \(Printable.quote(path, limit: 100))",
                remedy: "write it as the API's description has it: /api/v1/openapi.yaml")
        }
        return value
    }

    /// A form that a page of another site can send is no JSON; so the type must be said.
    package func requireJSON() throws(AssayError) {
        guard request.mediaType?.lowercased() == MediaType.json else {
            throw AssayError(
                .mediaTypeUnsupported, "the body's Content-Type is not \(MediaType.json)",
                remedy: "send Content-Type: \(MediaType.json)")
        }
    }

    /// The page size asked for with `limit`, or the default. Throws `request-invalid`.
    package func limit(default standard: Int, max limitMax: Int) throws(AssayError) -> Int {
        guard let text = try query["limit"] else { return standard }
        guard let limit = Int(text), 1...limitMax ~= limit else {
            throw AssayError(
                .requestInvalid, "limit is \(Printable.quote(text, limit: 20))", remedy: "use 1 to \(limitMax)")
        }
        return limit
    }
}

extension Request {
    /// The type of the body without its parameters; nil if it is not said.
    package var mediaType: String? {
        headers[.contentType]?.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces)
    }
}
