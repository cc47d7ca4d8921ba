import APIProtocol
import AssayDomain
import AssayRegistry
import Foundation
import HTTPKit
import HTTPTypes
import HummingbirdTesting
import NativeAPI
import OCIFrontEnd
import TestSupport
import Testing

/// A server that wants a token: who gets in, and what those who do not are told.
struct AccessTests {
    private static let token = "0123456789abcdef0123456789abcdef"
    private let server: TestServer

    init() async throws {
        let registry = try await TestRegistry().registry
        let api = NativeAPI(registry: registry, allowsDeletes: true)
        server = TestServer(
            [
                api, OCIFrontEnd(registry: registry, allowsDeletes: true),
                ServiceRoutes(registry: registry, metrics: PrometheusMetrics()),
            ], fallback: api,
            authenticate: Authenticate(.token { $0 == Self.token }))
    }

    private static func basic(_ user: String, _ password: String) -> String {
        "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    }

    @Test(arguments: ["Bearer \(token)", "bearer \(token)", basic("", token), basic("anyone", token)])
    func `the token lets in`(header: String) async throws {
        let answer = try await server.send(.get, "/api/v1/repositories", headers: [.authorization: header])
        #expect(answer.status == .ok)
    }

    @Test(arguments: [
        "Bearer wrong", "Bearer ", "Bearer", "", basic(token, "wrong"), "Basic !!!", "Basic YQ==", "Digest \(token)",
        "Bearer " + String(repeating: "a", count: 10_000),
    ])
    func `anything else does not`(header: String) async throws {
        let answer = try await server.send(.get, "/api/v1/repositories", headers: [.authorization: header])
        #expect(answer.status == .unauthorized)
        #expect(answer.headers[.wwwAuthenticate] != nil)
    }

    @Test(arguments: [
        (HTTPRequest.Method.get, "/api/v1/repositories"), (.post, "/api/v1/versions"), (.get, "/v2/"),
        (.post, "/v2/a/blobs/uploads/"), (.get, "/v2/a/manifests/1"), (.get, "/api/v1/garbage"),
    ])
    func `without a token nothing is told`(method: HTTPRequest.Method, path: String) async throws {
        #expect(try await server.send(method, path).status == .unauthorized)
    }

    @Test func `two tokens are refused`() async throws {
        var headers: HTTPFields = [.authorization: "Bearer \(Self.token)"]
        headers.append(HTTPField(name: .authorization, value: "Bearer \(Self.token)"))
        #expect(try await server.send(.get, "/api/v1/repositories", headers: headers).status == .badRequest)
    }

    @Test(arguments: ["/healthz", "/readyz", "/metrics", "/api/v1/openapi.yaml"])
    func `monitors need no token`(path: String) async throws {
        #expect(try await server.send(.get, path).status == .ok)
    }
}
