import APIProtocol
import AssayDomain
import AssayRegistry
import HTTPKit
import HTTPTypes
import HummingbirdTesting
import NIOCore
import NativeAPI
import OCIFrontEnd
import TestSupport
import Testing

/// Deletes as they stand on the wire, native and OCI.
struct DeleteRoutesTests {
    private let test: TestRegistry
    private let server: TestServer

    init() async throws {
        test = try await TestRegistry()
        server = Self.server(test.registry, allowsDeletes: true)
        _ = try await test.publish(["a.bin": "1"], to: "team/m", tag: .alias(AliasName(parsing: "latest")))
    }

    private static func server(_ registry: Registry, allowsDeletes: Bool) -> TestServer {
        let api = NativeAPI(registry: registry, allowsDeletes: allowsDeletes)
        return TestServer([api, OCIFrontEnd(registry: registry, allowsDeletes: allowsDeletes)], fallback: api)
    }

    private func digest() async throws -> Digest {
        try await test.registry.catalog.version(try Reference(parsing: "team/m:1")).manifestDigest
    }

    // MARK: Native

    @Test(arguments: [
        ("team/m:1", 204, nil), ("team/m:2", 404, "version-not-found"), ("team/m:latest", 400, "reference-invalid"),
        ("no:1", 404, "repository-not-found"), ("team/m", 400, "reference-invalid"),
    ])
    func `a version is deleted by its number`(reference: String, status: Int, code: String?) async throws {
        let answer = try await server.send(.delete, "/api/v1/versions/\(reference)")
        #expect(answer.status.code == status)
        #expect(answer.body.readableBytes == 0 || code != nil)
        if let code {
            #expect(try JSON.decode(Problem.self, from: Array(answer.body.readableBytesView)).code == code)
        }
        #expect(try await server.send(.get, "/api/v1/versions/team/m:1").status == (code == nil ? .notFound : .ok))
    }

    @Test func `a version is deleted by its digest, once`() async throws {
        let path = "/api/v1/versions/team/m@\(try await digest())"
        #expect(try await server.send(.delete, path).status == .noContent)
        #expect(try await server.send(.delete, path).status == .notFound)
    }

    @Test func `a version that is needed answers 409 with what needs it`() async throws {
        let source = try Reference(parsing: "team/m:1")
        _ = try await test.publish(
            ["b.bin": "2"], to: "small", lineage: [LineageDeclaration(relation: .quantizedFrom, source: source)])
        let answer = try await server.send(.delete, "/api/v1/versions/team/m:1")
        let problem = try JSON.decode(Problem.self, from: Array(answer.body.readableBytesView))
        #expect(answer.status == .conflict)
        #expect(problem.code == "in-use" && problem.remedy == "delete small:1 first")
    }

    // MARK: OCI

    private struct ErrorList: Decodable {
        struct Entry: Decodable {
            struct Detail: Decodable { let code: String }
            let code: String
            let detail: Detail
        }
        let errors: [Entry]
    }

    private func expect(
        _ answer: TestResponse, _ status: HTTPResponse.Status, _ code: String, _ detail: String
    ) throws {
        let entry = try JSON.decode(ErrorList.self, from: Array(answer.body.readableBytesView)).errors.first
        #expect(answer.status == status)
        #expect(entry?.code == code)
        #expect(entry?.detail.code == detail)
    }

    @Test func `a tag goes alone, and a digest takes its version along`() async throws {
        let digest = try await digest()
        #expect(try await server.send(.delete, "/v2/team/m/manifests/latest").status == .accepted)
        #expect(try await server.send(.get, "/v2/team/m/manifests/latest").status == .notFound)
        #expect(try await server.send(.get, "/v2/team/m/manifests/1").status == .ok)
        #expect(try await server.send(.delete, "/v2/team/m/manifests/\(digest)").status == .accepted)
        for reference in ["1", "\(digest)"] {
            #expect(try await server.send(.get, "/v2/team/m/manifests/\(reference)").status == .notFound)
        }
        let tags = try await server.send(.get, "/v2/team/m/tags/list")
        #expect(String(buffer: tags.body) == #"{"name":"team/m","tags":[]}"#)
        let again = try await test.publish(["a.bin": "1"], to: "team/m")
        #expect(again.version?.number.value == 2)
    }

    @Test(arguments: [
        ("team/m/manifests/gone", 404, "MANIFEST_UNKNOWN", "alias-not-found"),
        ("team/m/manifests/9", 404, "MANIFEST_UNKNOWN", "version-not-found"),
        ("team/m/manifests/1", 409, "DENIED", "tag-immutable"),
        ("no/manifests/gone", 404, "NAME_UNKNOWN", "repository-not-found"),
        ("team/m/manifests/01", 400, "MANIFEST_INVALID", "tag-invalid"),
        ("team/m/manifests/sha256:ab", 400, "DIGEST_INVALID", "digest-invalid"),
        ("team/m/manifests/\(absent)", 404, "MANIFEST_UNKNOWN", "manifest-not-found"),
        ("no/manifests/\(absent)", 404, "NAME_UNKNOWN", "repository-not-found"),
        ("team/m/blobs/\(absent)", 404, "BLOB_UNKNOWN", "blob-not-found"),
        ("no/blobs/\(absent)", 404, "BLOB_UNKNOWN", "blob-not-found"),
        ("team/m/blobs/sha256:ab", 400, "DIGEST_INVALID", "digest-invalid"),
        ("team/m/blobs/\(content)", 409, "DENIED", "in-use"),
    ])
    func `a delete that cannot be gets its code`(
        path: String, status: Int, code: String, detail: String
    ) async throws {
        let answer = try await server.send(.delete, "/v2/\(path)")
        try expect(answer, HTTPResponse.Status(code: status), code, detail)
    }

    private static let absent = "sha256:" + String(repeating: "0", count: 64)
    /// The file of the version that is there.
    private static let content = "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"

    @Test func `a protected tag is not deleted, and neither is what it points to`() async throws {
        _ = try await server.send(.put, "/api/v1/policies/team/m:latest", json: #"{"version":1}"#)
        try expect(
            try await server.send(.delete, "/v2/team/m/manifests/latest"), .conflict, "DENIED", "alias-protected")
        try expect(
            try await server.send(.delete, "/v2/team/m/manifests/\(try await digest())"), .conflict, "DENIED", "in-use")
    }

    @Test func `a blob is unlinked once no manifest names it`() async throws {
        let path = "/v2/team/m/blobs/\(Self.content)"
        _ = try await server.send(.delete, "/v2/team/m/manifests/\(try await digest())")
        #expect(try await server.send(.head, path).status == .ok)
        #expect(try await server.send(.delete, path).status == .accepted)
        #expect(try await server.send(.get, path).status == .notFound)
        #expect(try await server.send(.delete, path).status == .notFound)
    }

    // MARK: Without deletes

    @Test func `a server without deletes offers everything else`() async throws {
        let server = Self.server(test.registry, allowsDeletes: false)
        for (path, allowed) in [
            ("/v2/team/m/manifests/latest", "GET, HEAD, PUT"), ("/v2/team/m/blobs/\(Self.content)", "GET, HEAD"),
            ("/api/v1/versions/team/m:1", "GET, HEAD, PATCH"),
        ] {
            let answer = try await server.send(.delete, path)
            #expect(answer.status == .methodNotAllowed)
            #expect(answer.headers[.allow] == allowed)
        }
        try expect(
            try await server.send(.delete, "/v2/team/m/manifests/1"), .methodNotAllowed, "UNSUPPORTED",
            "method-not-allowed")
        let upload = try await server.send(.post, "/v2/team/m/blobs/uploads/")
        let session = try #require(upload.headers[.location])
        #expect(try await server.send(.delete, session).status == .noContent)
        #expect(try await server.send(.delete, "/api/v1/aliases/team/m:latest").status == .ok)
    }
}
