import APIProtocol
import AssayClient
import AssayDomain
import NIOHTTP1
import Testing

struct ErrorTests {
    /// A server with one answer to everything.
    private struct Constant: StubBehaviour {
        let status: HTTPResponseStatus
        let body: String

        func bodyLimit(of head: HTTPRequestHead) -> Int? { nil }
        func answer(_ request: StubRequest) -> StubAnswer { StubAnswer(status: status, body: Array(body.utf8)) }
    }

    @Test(arguments: [
        (#"{"errors":[{"code":"UNSUPPORTED","message":"m","detail":{"code":"storage-full"}}]}"#, ErrorCode.storageFull),
        (#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"m","detail":["x"]}]}"#, .uploadNotFound),
        (#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","detail":{"code":"made-up"}}]}"#, .uploadNotFound),
        (#"{"errors":[]}"#, .storageFull), ("no list", .storageFull),
    ])
    func `an OCI error is told by our own code where there is one`(body: String, code: ErrorCode) async throws {
        try await StubServer.run(Constant(status: .init(statusCode: 507), body: body)) { url in
            try await AssayClient.withClient(of: Endpoint(parsing: url), retry: .immediate) { client in
                do {
                    _ = try await client.manifest(
                        Digest(algorithm: .sha256, bytes: [UInt8](repeating: 1, count: 32)),
                        in: RepositoryName(parsing: "team/model"))
                    Issue.record("there was no error")
                } catch let error as AssayError {
                    #expect(error.code == code)
                }
            }
        }
    }

    private func failure(_ status: HTTPResponseStatus, _ body: String) async throws -> AssayError? {
        try await StubServer.run(Constant(status: status, body: body)) { url in
            await #expect(throws: AssayError.self) {
                try await AssayClient.withClient(of: Endpoint(parsing: url), retry: .immediate) { client in
                    _ = try await client.repository(RepositoryName(parsing: "team/model"))
                }
            }
        }
    }

    @Test(arguments: ErrorCode.all)
    func `a problem keeps its code`(code: ErrorCode) async throws {
        let problem = Problem(
            AssayError(code, "it failed", reason: "for a reason", remedy: "do this"), status: 418, requestID: "r1")
        let error = try await failure(.imATeapot, String(decoding: JSON.encode(problem), as: UTF8.self))
        // A server's fault is none of this program.
        #expect(error?.code == (code == .internalError ? .serverFailed : code))
        #expect(error?.message == "it failed: for a reason")
        // A server speaks to who sends requests by hand; a token is given to a command in another way.
        let remedy = "give the server's token: add --token-file FILE, or set ASSAY_TOKEN"
        #expect(error?.remedy == (code == .unauthenticated ? remedy : "do this"))
        #expect((error?.cause as? RemoteFailure)?.problem.requestId == "r1")
    }

    @Test(arguments: [
        (404, ErrorCode.Kind.notFound), (401, .unauthenticated), (403, .denied), (409, .conflict), (422, .refused),
        (413, .tooLarge), (503, .busy), (507, .storage), (500, .busy), (302, .busy), (418, .invalid),
        (206, .busy), (203, .busy), (399, .busy), (501, .busy), (599, .busy), (600, .busy), (999, .busy),
    ])
    func `an answer without a problem is judged by its status`(status: Int, kind: ErrorCode.Kind) async throws {
        #expect(try await failure(HTTPResponseStatus(statusCode: status), "<html>")?.code.kind == kind)
    }

    @Test func `terminal codes of a server are escaped`() async throws {
        let problem = Problem(AssayError(.nameInvalid, "bad \u{1B}[31mred"), status: 400, requestID: "")
        let error = try await failure(.badRequest, String(decoding: JSON.encode(problem), as: UTF8.self))
        #expect(error?.message == #"bad \u{1b}[31mred"#)
    }

    @Test func `an answer that is no message is refused, not believed`() async throws {
        #expect(try await failure(.ok, "{}")?.code == .serverRefused)
    }

    @Test func `a server that is not there is unreachable`() async throws {
        let error = await #expect(throws: AssayError.self) {
            try await AssayClient.withClient(of: Endpoint(parsing: "http://127.0.0.1:1"), retry: .immediate) { client in
                _ = try await client.keys()
            }
        }
        #expect(error?.code == .serverUnreachable)
    }
}

struct EndpointTests {
    @Test(arguments: [
        "http://127.0.0.1:8080", "http://localhost", "https://registry.example.org", "http://[::1]:80",
        "http://127.0.0.1:8080/", "http+unix://%2Ftmp%2Fassay.sock",
    ])
    func `an address is taken`(text: String) throws {
        #expect(try !Endpoint(parsing: text).baseURL.hasSuffix("/"))
    }

    @Test(arguments: [
        "", "127.0.0.1:8080", "ftp://host", "http://", "http://host:0", "http://host:65536", "http://user@host",
        "http://host/path", "http://host?x", "http://[::1", "http://ho st", "http+unix://relative",
        "http+unix:///tmp/x",
    ])
    func `what is no address is refused`(text: String) {
        #expect(throws: AssayError.self) { try Endpoint(parsing: text) }
    }

    @Test func `a socket's path is encoded`() {
        #expect(Endpoint.unixSocket(path: "/tmp/a b/s.sock").baseURL == "http+unix://%2Ftmp%2Fa%20b%2Fs.sock")
    }
}
