import AssayDomain
package import AssayRegistry
import Dispatch
import Foundation
import HTTPTypes
package import Hummingbird
import Logging
import NIOCore
import NIOHTTP1

/// Takes every request to the front end that owns its path: request id, permission, limits, error form and metrics
/// are dealt with here, once for all of them.
package struct RouteTable: HTTPResponder {
    package typealias Context = ConnectionContext

    private let frontEnds: [any FrontEnd]
    /// What each front end's paths begin with.
    private let prefixes: [(text: String, position: Int)]
    /// Routes of each front end by method, the more specific ones first.
    private let routes: [[HTTPRequest.Method: [Route]]]
    private let fallback: any FrontEnd
    private let authenticate: Authenticate
    private let ids: any IDGenerator
    private let bodies: BodyBudget
    private let timers = RequestTimers()

    /// The longest path and query taken, in bytes.
    private static let uriBytesMax = 16 << 10

    /// `fallback` answers for paths that nobody owns; `bodies` is what the tables of a process share.
    package init(
        _ frontEnds: [any FrontEnd], fallback: any FrontEnd, authenticate: Authenticate, ids: any IDGenerator,
        bodies: BodyBudget
    ) {
        self.frontEnds = frontEnds
        self.bodies = bodies
        self.fallback = fallback
        self.authenticate = authenticate
        self.ids = ids
        prefixes = frontEnds.enumerated().flatMap { position, frontEnd in frontEnd.prefixes.map { ($0, position) } }
        routes = frontEnds.map { frontEnd in
            let sorted = frontEnd.routes.sorted { $0.pattern.specificity > $1.pattern.specificity }
            var byMethod = Dictionary(grouping: sorted, by: \.method)
            // Where there is a GET there is a HEAD (RFC 9110, section 9.1): the same answer, without its body.
            byMethod[.head] = (byMethod[.head] ?? []) + (byMethod[.get] ?? [])
            return byMethod
        }
    }

    package func respond(to request: Request, context: Context) async throws -> Response {
        let start = DispatchTime.now().uptimeNanoseconds
        let requestID = requestID(of: request)
        let path = request.uri.path
        let position = prefixes.first { path.hasPrefix($0.text) }?.position
        let frontEnd = position.map { frontEnds[$0] } ?? fallback
        var label = "unmatched"
        var response: Response
        do {
            try check(request)
            let (route, captures) = try match(request, at: position)
            label = route.pattern.description
            response = try await handle(
                route, of: frontEnd, captures: captures, request: request, channel: context.channel,
                requestID: requestID)
        } catch let error as HTTPParserError {
            // The bytes are no HTTP: the server beneath answers 400 and closes.
            throw error
        } catch {
            let error = Self.known(error, requestID: requestID, logger: context.logger)
            response = frontEnd.response(to: error, requestID: requestID)
            if Self.endsConnection(error.code) { response.headers[.connection] = "close" }
            if error.code == .tooManyBodies { response.headers[.retryAfter] = BodyBudget.retryAfterSeconds }
            if error.code == .methodNotAllowed { response.headers[.allow] = allowed(request, at: position) }
        }
        response.headers[.requestID] = requestID
        Self.keepFromPages(&response)
        if request.method == .head { response = Self.withoutBody(response) }
        timers.record(request.method, route: label, status: response.status.code, since: start)
        return response
    }

    // MARK: Steps

    private func match(
        _ request: Request, at position: Int?
    ) throws(AssayError) -> (Route, [(name: String, text: String)]) {
        let path = RoutePattern.segments(of: request.uri.path)
        for route in position.flatMap({ routes[$0][request.method] }) ?? [] {
            if let captures = route.pattern.match(path) { return (route, captures) }
        }
        let allowed = allowed(request, at: position)
        guard allowed.isEmpty else {
            throw AssayError(
                .methodNotAllowed, "\(Printable.quote(request.method.rawValue, limit: 20)) is not offered here",
                remedy: "use \(allowed)")
        }
        throw AssayError(
            .routeNotFound, "there is no such route", remedy: "see /api/v1/openapi.yaml for those there are")
    }

    /// The methods that a path takes, as the Allow header lists them; empty if nothing is there.
    private func allowed(_ request: Request, at position: Int?) -> String {
        let path = RoutePattern.segments(of: request.uri.path)
        let matching = (position.map { routes[$0] } ?? [:]).filter { _, routes in
            routes.contains { $0.pattern.match(path) != nil }
        }
        return matching.keys.map(\.rawValue).sorted().joined(separator: ", ")
    }

    private func handle(
        _ route: Route, of frontEnd: any FrontEnd, captures: [(name: String, text: String)], request: Request,
        channel: any Channel, requestID: String
    ) async throws -> Response {
        let principal = try authenticate.principal(token: try Credentials.token(in: request.headers))
        try authenticate.demand(route.permission, of: principal)
        try authenticate.demandWritable(
            by: route.permission, isSafeMethod: route.method == .get || route.method == .head)
        let body = BodyShare(of: bodies)
        defer { body.giveBack() }
        let call = Call(
            request: request, query: try Query(parsing: request.uri.query), principal: principal,
            requestID: requestID, captures: captures, takesEncodedSlashes: frontEnd.takesEncodedSlashes,
            channel: channel, share: body)
        if route.isQuick { return try await route.handler(call) }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) { try await route.handler(call) }
    }

    private func check(_ request: Request) throws(AssayError) {
        guard request.uri.string.utf8.count <= Self.uriBytesMax else {
            throw AssayError(.addressTooLong, "the address has over \(Self.uriBytesMax) bytes")
        }
        // The first Host header is the authority; a second one is left among the headers. Over a socket it is empty.
        guard let host = request.head.authority, !host.contains("@"), request.headers[.host] == nil else {
            throw AssayError(.requestInvalid, "the Host header is missing, doubled or malformed")
        }
        guard authenticate.accepts(host: host) else {
            throw AssayError(
                .requestInvalid, "this server answers to local names only",
                remedy: "use 127.0.0.1 or localhost, or serve with --token-file")
        }
        guard [.get, .head].contains(request.method) || authenticate.accepts(origin: request.headers[.origin]) else {
            throw AssayError(.permissionDenied, "pages of other sites change nothing here")
        }
        if let length = request.headers[.contentLength], Int64(length) == nil {
            throw AssayError(.requestInvalid, "the Content-Length is no size", remedy: "send less than 2^63 bytes")
        }
        if let expectation = request.headers[.expect], expectation.lowercased() != "100-continue" {
            throw AssayError(.expectationFailed, "the expectation cannot be met", remedy: "send Expect: 100-continue")
        }
        if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw AssayError(
                .mediaTypeUnsupported, "encoded bodies are not taken", remedy: "send the bytes as they are")
        }
    }

    /// Whether the rest of the connection cannot be trusted or is not worth reading.
    private static func endsConnection(_ code: ErrorCode) -> Bool {
        code.kind == .tooLarge || code == .requestInvalid || code == .expectationFailed
    }

    /// A failure that callers may see. What is not one of ours is logged and told without details.
    private static func known(_ error: any Error, requestID: String, logger: Logger) -> AssayError {
        let known = error as? AssayError ?? AssayError(.internalError, "something went wrong here", cause: error)
        if known.code.kind == .internal || known.code.kind == .storage {
            logger.error(
                "request failed",
                metadata: [
                    "request_id": "\(requestID)", "error": "\(known)",
                    "cause": "\(known.cause.map { "\($0)" } ?? "")",
                    "location": "\(known.location.file):\(known.location.line)",
                ])
        }
        return known
    }

    /// The caller's id if it is a plain one, so that its logs and ours can be joined; else a new one.
    private func requestID(of request: Request) -> String {
        if let id = request.headers[.requestID], 1...64 ~= id.utf8.count,
            id.utf8.allSatisfy({ $0.isAlphanumeric || "-_.".utf8.contains($0) })
        {
            return id
        }
        return VerificationID(bits: ids.next()).text
    }

    /// What anybody pushed is data: no browser takes an answer for a page, a script or a style by its looks, nor runs
    /// or loads anything from it where somebody opens it by its address.
    private static func keepFromPages(_ response: inout Response) {
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.contentSecurityPolicy] = "default-src 'none'; sandbox"
    }

    /// What a HEAD gets: the headers of the answer, its length included.
    private static func withoutBody(_ response: Response) -> Response {
        Response(status: response.status, headers: response.headers, body: ResponseBody())
    }
}
