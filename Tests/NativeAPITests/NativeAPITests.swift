import APIProtocol
import AssayDomain
import AssayRegistry
import HTTPKit
import HTTPTypes
import HummingbirdTesting
import NIOCore
import NativeAPI
import TestSupport
import Testing

struct NativeAPITests {
    private let test: TestRegistry
    private let server: TestServer

    init() async throws {
        test = try await TestRegistry()
        let api = NativeAPI(registry: test.registry, allowsDeletes: true)
        server = TestServer([api], fallback: api)
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ answer: TestResponse) throws -> Value {
        try JSON.decode(type, from: Array(answer.body.readableBytesView))
    }

    private func problem(_ answer: TestResponse) throws -> Problem {
        #expect(answer.headers[.contentType] == MediaType.problem)
        let problem = try decode(Problem.self, answer)
        #expect(problem.status == answer.status.code)
        #expect(problem.requestId == answer.headers[.requestID])
        return problem
    }

    @Test func `a version is found by number, alias and digest`() async throws {
        let version = try #require(
            try await test.publish(["a.bin": "1"], to: "team/m", tag: .alias(AliasName(parsing: "latest"))).version)
        for reference in [
            "team/m:1", "team/m:latest", "team/m@\(version.manifestDigest)", "team%2Fm:1", "team%2fm%3Alatest",
            "%74eam%2Fm%40\(version.manifestDigest)",
        ] {
            let answer = try await server.send(.get, "/api/v1/versions/\(reference)")
            #expect(try decode(Version.self, answer) == version)
        }
    }

    @Test(arguments: [
        ("/api/v1/versions/nothing:1", 404, "repository-not-found"), ("/api/v1/versions/m:9", 404, "version-not-found"),
        ("/api/v1/versions/m:gone", 404, "alias-not-found"), ("/api/v1/versions/M:1", 400, "name-invalid"),
        ("/api/v1/versions/m", 400, "reference-invalid"), ("/api/v1/versions/m:01", 400, "tag-invalid"),
        ("/api/v1/versions/m@sha256:AB", 400, "digest-invalid"),
        ("/api/v1/versions/a%2fb:1", 404, "repository-not-found"),
        ("/api/v1/versions/a%252fb:1", 400, "name-invalid"), ("/api/v1/versions/a%2f%2fb:1", 400, "name-invalid"),
        ("/api/v1/versions/a%2f..%2fb:1", 400, "name-invalid"), ("/api/v1/versions/%2fa:1", 400, "name-invalid"),
        ("/api/v1/verifications/x%2fy", 404, "verification-not-found"),
        ("/api/v1/repositories/gone", 404, "repository-not-found"),
        ("/api/v1/versions?repository=m&limit=0", 400, "request-invalid"),
        ("/api/v1/versions?repository=m&limit=1&limit=2", 400, "request-invalid"),
        ("/api/v1/versions", 400, "request-invalid"), ("/api/v1/nothing", 404, "route-not-found"),
        ("/elsewhere", 404, "route-not-found"), ("/api/v1/verifications/x", 404, "verification-not-found"),
        ("/api/v1/verifications/00000000000000ff", 404, "verification-not-found"),
        ("/api/v1/aliases/m:1", 400, "tag-invalid"), ("/api/v1/policies/m:production", 404, "policy-not-found"),
        ("/api/v1/lineage/m:1?direction=up", 400, "request-invalid"),
        ("/api/v1/lineage/m:1?depth=0", 400, "request-invalid"),
        ("/api/v1/repositories?kind=cat", 400, "request-invalid"), ("/api/v1/search", 400, "request-invalid"),
    ])
    func `a wrong question gets its code`(path: String, status: Int, code: String) async throws {
        _ = try await test.publish(["a.bin": "1"], to: "m")
        let answer = try await server.send(.get, path)
        #expect(answer.status.code == status)
        #expect(try problem(answer).code == code)
    }

    @Test(arguments: [
        ("", "json-invalid"), ("{", "json-invalid"), (#"{"name":"a","name":"b","kind":"model"}"#, "json-invalid"),
        (#"{"name":"A","kind":"model"}"#, "name-invalid"), (#"{"name":"a"}"#, "json-invalid"),
        (#"{"name":"a","kind":"model"} x"#, "json-invalid"),
    ])
    func `a wrong body gets its code`(body: String, code: String) async throws {
        let answer = try await server.send(.post, "/api/v1/repositories", json: body)
        #expect(answer.status == .badRequest)
        #expect(try problem(answer).code == code)
    }

    @Test func `a form from another site is no request`() async throws {
        let answer = try await server.send(
            .post, "/api/v1/promotions", headers: [.contentType: "text/plain"],
            body: #"{"reference":"m:1","alias":"production"}"#)
        #expect(answer.status == .unsupportedMediaType)
    }

    @Test func `a method that is not offered names those that are`() async throws {
        let answer = try await server.send(.delete, "/api/v1/repositories")
        #expect(answer.status == .methodNotAllowed)
        #expect(try problem(answer).remedy?.contains("GET, HEAD, POST") == true)
    }

    @Test(arguments: [
        ("localhost", true), ("127.0.0.1:8080", true), ("[::1]:8080", true), ("[::1]", true), ("", true),
        ("registry.example", false), ("127.0.0.1.example", false), ("localhost.example:80", false), ("10.0.0.1", false),
    ])
    func `an open server answers to local names only`(host: String, isAnswered: Bool) {
        #expect(Authenticate(.open).accepts(host: host) == isAnswered)
        #expect(Authenticate(.token { _ in false }).accepts(host: host))
    }

    @Test func `lists come in pages`() async throws {
        for number in 1...5 { _ = try await test.publish(["a.bin": "\(number)"], to: "m") }
        var seen: [Int64] = []
        var after = ""
        for _ in 0..<4 {
            let answer = try await server.send(.get, "/api/v1/versions?repository=m&limit=2\(after)")
            let page = try decode(ListResponse<Version>.self, answer)
            seen += page.items.map(\.number.value)
            guard let next = page.next else { break }
            after = "&after=\(next)"
        }
        #expect(seen == [5, 4, 3, 2, 1])
    }

    @Test func `annotations change and metadata does not`() async throws {
        _ = try await test.publish(["a.bin": "1"], to: "m", metadata: VersionMetadata(framework: "onnx"))
        let set = try await server.send(
            .patch, "/api/v1/versions/m:1", json: #"{"annotations":{"stage":"tested","by":"ci"}}"#)
        #expect(try decode(Version.self, set).annotations == ["stage": "tested", "by": "ci"])
        let removed = try await server.send(.patch, "/api/v1/versions/m:1", json: #"{"annotations":{"by":null}}"#)
        #expect(try decode(Version.self, removed).annotations == ["stage": "tested"])
        #expect(try decode(Version.self, removed).metadata.framework == "onnx")
        let bad = try await server.send(
            .patch, "/api/v1/versions/m:1", json: "{\"annotations\":{\"a\":\"\\u0000\"}}")
        #expect(try problem(bad).code == "metadata-invalid")
    }

    @Test func `an alias moves by compare and set`() async throws {
        for number in 1...2 { _ = try await test.publish(["a.bin": "\(number)"], to: "m") }
        let made = try await server.send(.put, "/api/v1/aliases/m:staging", json: #"{"version":1,"expected":0}"#)
        #expect(made.status == .ok)
        let stale = try await server.send(.put, "/api/v1/aliases/m:staging", json: #"{"version":2,"expected":0}"#)
        #expect(stale.status == .conflict)
        #expect(try problem(stale).code == "alias-conflict")
        let moved = try await server.send(.put, "/api/v1/aliases/m:staging", json: #"{"version":2,"expected":1}"#)
        #expect(try decode(AliasMove.self, moved).from?.value == 1)
        let history = try await server.send(.get, "/api/v1/alias-moves?alias=m:staging")
        #expect(try decode(ListResponse<AliasMove>.self, history).items.map(\.to?.value) == [2, 1])
    }

    @Test func `a policy protects its alias and a refusal shows the table`() async throws {
        _ = try await test.publish(["model.onnx": "accuracy=1"], to: "m")
        let policy = try await server.send(.put, "/api/v1/policies/m:production", json: #"{"version":1}"#)
        #expect(policy.status == .ok)
        let moved = try await server.send(.put, "/api/v1/aliases/m:production", json: #"{"version":1}"#)
        #expect(moved.status == .conflict)
        #expect(try problem(moved).code == "alias-protected")
        let refused = try await server.send(
            .post, "/api/v1/promotions", json: #"{"reference":"m:1","alias":"production"}"#)
        #expect(refused.status == .unprocessableContent)
        let told = try problem(refused)
        #expect(told.code == "promotion-refused")
        #expect(told.outcomes?.map(\.requirement) == ["signature", "manifest"])
    }

    @Test func `a policy of a repository that is not there, or of a metric that is none, needs a word`() async throws {
        func set(_ path: String, _ json: String) async throws -> (Int, String?) {
            let answer = try await server.send(.put, "/api/v1/policies/\(path)", json: json)
            return (answer.status.code, answer.status == .ok ? nil : try problem(answer).code)
        }
        #expect(try await set("mm:production", #"{"version":1}"#) == (404, "repository-not-found"))
        #expect(try await set("mm:production?create=yes", #"{"version":1}"#) == (400, "request-invalid"))
        #expect(try await set("mm:production?create=false", #"{"version":1}"#) == (404, "repository-not-found"))
        #expect(try await set("mm:production?create=true", #"{"version":1}"#) == (200, nil))
        _ = try await test.publish(["t.npz": "d"], to: "data", kind: .dataset)
        let odd = #"{"version":1,"dataset":"data:1","metrics":{"acuracy":{"min":0.9}}}"#
        #expect(try await set("mm:production", odd) == (400, "policy-invalid"))
        #expect(try await set("mm:production?allow_unknown=true", odd) == (200, nil))
        for json in [
            #"{"version":1,"size":null}"#, #"{"version":1,"size.max_bytes":3}"#,
            #"{"version":1,"size":{"maxBytes":3}}"#,
            #"{"version":1,"profiles":{}}"#, #"{"version":1,"attestations":[{"type":"https://example.org/x"}]}"#,
        ] {
            #expect(try await set("mm:production", json) == (400, "policy-invalid"), "\(json)")
        }
    }

    @Test func `lineage is told as JSON and as DOT`() async throws {
        _ = try await test.publish(["t.npz": "d"], to: "data", kind: .dataset)
        let source = try Reference(parsing: "data:1")
        _ = try await test.publish(
            ["a.bin": "1"], to: "m", lineage: [LineageDeclaration(relation: .trainedOn, source: source)])
        let json = try await server.send(.get, "/api/v1/lineage/m:1")
        let edges = try decode(LineageResponse.self, json).edges
        #expect(edges.map { "\($0.from) \($0.relation.rawValue) \($0.to)" } == ["m:1 trained-on data:1"])
        let dot = try await server.send(.get, "/api/v1/lineage/data:1?direction=descendants&format=dot")
        #expect(String(buffer: dot.body).contains(#""m:1" -> "data:1""#))
    }

    @Test func `a request id goes back to its sender`() async throws {
        let sent = try await server.send(.get, "/api/v1/keys", headers: [.requestID: "build-42"])
        #expect(sent.headers[.requestID] == "build-42")
        let odd = try await server.send(.get, "/api/v1/keys", headers: [.requestID: "a b\"c"])
        #expect(odd.headers[.requestID] != "a b\"c")
    }
}
