package import AssayDomain
import Foundation
import HTTPTypes
package import Hummingbird
import NIOCore

/// One request on its way to a handler: matched, and with its sender known.
package struct Call: Sendable {
    package let request: Request
    package let query: Query
    package let principal: Principal
    package let requestID: String
    private let captures: [(name: String, text: String)]

    init(
        request: Request, query: Query, principal: Principal, requestID: String,
        captures: [(name: String, text: String)]
    ) {
        self.request = request
        self.query = query
        self.principal = principal
        self.requestID = requestID
        self.captures = captures
    }

    /// The limit of a JSON body in bytes, where a route does not say otherwise.
    package static let jsonBytesMax = 1 << 20

    /// A captured part of the path, decoded. An encoded slash would make two spellings of one name, so it is refused.
    /// Throws `name-invalid`.
    package func capture(_ name: String) throws(AssayError) -> String {
        guard let raw = captures.first(where: { $0.name == name })?.text else {
            throw AssayError(.internalError, "the route has no part \(name)")
        }
        guard raw.utf8.contains(UInt8(ascii: "%")) else { return raw }
        guard let text = raw.removingPercentEncoding, !raw.lowercased().contains("%2f") else {
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

    /// The whole body, if it has at most `bytesMax` bytes. Throws `body-too-large`.
    package func body(upTo bytesMax: Int) async throws -> [UInt8] {
        let tooLarge = AssayError(.bodyTooLarge, "the body has over \(bytesMax) bytes")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > bytesMax { throw tooLarge }
        do {
            let buffer = try await request.body.collect(upTo: bytesMax)
            return [UInt8](buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        }
    }

    /// The body as one strict JSON document with no key that the request does not have: a misspelt wish is an error,
    /// and never no wish. Throws `json-invalid`, `request-invalid`, `body-too-large`, `media-type-unsupported`.
    package func json<Value: Codable>(_ type: Value.Type, upTo bytesMax: Int = jsonBytesMax) async throws -> Value {
        try requireJSON()
        let bytes = try await body(upTo: bytesMax)
        let value = try JSON.decode(type, from: bytes)
        let known = try JSONValue(parsing: try JSON.encode(value))
        if let path = try JSONValue(parsing: bytes).firstUnknown(to: known) {
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
        guard let text = query["limit"] else { return standard }
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
