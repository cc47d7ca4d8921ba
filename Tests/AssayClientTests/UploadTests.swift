import AssayClient
import AssayCrypto
import AssayDomain
import NIOHTTP1
import Synchronization
import Testing

struct UploadTests {
    private let repository: RepositoryName
    private let folder: TestFolder
    private let registry = StubRegistry()
    /// Above what goes in one request.
    private let large = sampleBytes(6 << 20)

    init() throws {
        repository = try RepositoryName(parsing: "team/model")
        folder = try TestFolder()
    }

    private func upload(
        _ bytes: [UInt8], journal: UploadJournal = UploadJournal(folder: nil),
        retry: RetryPolicy = .immediate, url: String
    ) async throws -> Int64 {
        let path = try folder.write(bytes, as: "file")
        return try await AssayClient.withClient(of: Endpoint(parsing: url), retry: retry) { client in
            let file = try LocalFile(opening: path)
            let digest = try await client.files.hash(file)
            return try await client.upload(UploadSource(file, digest: digest), to: repository, journal: journal)
        }
    }

    private func stored(_ bytes: [UInt8]) -> [UInt8]? {
        registry.state.withLock { $0.blobs[Digest.sha256(of: bytes).description] }
    }

    @Test(arguments: [0, 1, 1 << 10, 4 << 20, (4 << 20) + 1, 6 << 20])
    func `a blob of any size arrives whole`(count: Int) async throws {
        let bytes = sampleBytes(count)
        let sent = try await StubServer.run(registry) { try await upload(bytes, url: $0) }
        #expect(sent == Int64(count))
        #expect(stored(bytes) == bytes)
    }

    @Test func `nothing is sent of what the server has`() async throws {
        registry.state.withLock { $0.blobs[Digest.sha256(of: large).description] = large }
        let sent = try await StubServer.run(registry) { try await upload(large, url: $0) }
        #expect(sent == 0)
        #expect(registry.state.withLock { $0.requests.count } == 1)
    }

    @Test func `nothing is sent of what another repository has`() async throws {
        registry.state.withLock { $0.mountable[Digest.sha256(of: large).description] = large }
        let sent = try await StubServer.run(registry) { try await upload(large, url: $0) }
        #expect(sent == 0)
        #expect(stored(large) == large)
    }

    @Test func `a cut upload goes on where the server says`() async throws {
        registry.state.withLock { $0.uploadCuts = [3 << 20] }
        _ = try await StubServer.run(registry) { try await upload(large, url: $0) }
        #expect(stored(large) == large)
        #expect(registry.state.withLock { $0.receivedBytes } == large.count)
    }

    @Test func `the next process resumes from the journal and clears it`() async throws {
        let journal = UploadJournal(folder: folder.path + "/cache/uploads")
        registry.state.withLock { $0.uploadCuts = [1 << 20] }
        try await StubServer.run(registry) { url in
            let once = RetryPolicy(attemptsMax: 1, sleep: { _ in })
            await #expect(throws: AssayError.self) {
                _ = try await upload(large, journal: journal, retry: once, url: url)
            }
            #expect(try TestFolderNames.count(in: folder.path + "/cache/uploads") == 1)
            let sent = try await upload(large, journal: journal, url: url)
            #expect(sent == Int64(large.count - (1 << 20)))
        }
        #expect(stored(large) == large)
        #expect(try TestFolderNames.count(in: folder.path + "/cache/uploads") == 0)
    }

    @Test func `a server that is always cut ends in try again`() async throws {
        registry.state.withLock { $0.uploadCuts = Array(repeating: 0, count: 1_000) }
        let error = await #expect(throws: AssayError.self) {
            _ = try await StubServer.run(Mute()) { try await upload(large, url: $0) }
        }
        #expect(error?.code == .serverUnreachable)
    }

    @Test func `a file that changes after it was hashed is no blob`() async throws {
        let path = try folder.write(large, as: "file")
        let error = await #expect(throws: AssayError.self) {
            try await StubServer.run(registry) { url in
                try await AssayClient.withClient(of: Endpoint(parsing: url), retry: .immediate) { client in
                    let file = try LocalFile(opening: path)
                    let other = UploadSource(file, digest: .sha256(of: [1, 2, 3]))
                    _ = try await client.upload(other, to: repository)
                }
            }
        }
        #expect(error?.code == .changedWhileReading)
        #expect(registry.state.withLock { $0.uploads.isEmpty && $0.blobs.isEmpty })
    }

    @Test func `a file that shrinks while it is sent is told as changed`() async throws {
        let path = try folder.write(large, as: "file")
        let error = await #expect(throws: AssayError.self) {
            try await StubServer.run(registry) { url in
                try await AssayClient.withClient(of: Endpoint(parsing: url), retry: .immediate) { client in
                    let file = try LocalFile(opening: path)
                    let digest = try await client.files.hash(file)
                    try TestFolderNames.truncate(path, to: 1 << 20)
                    _ = try await client.upload(UploadSource(file, digest: digest), to: repository)
                }
            }
        }
        #expect(error?.code == .changedWhileReading)
        #expect(registry.state.withLock { $0.blobs.isEmpty })
    }
}

/// A server that closes every connection.
struct Mute: StubBehaviour {
    func bodyLimit(of head: HTTPRequestHead) -> Int? { nil }
    func answer(_ request: StubRequest) -> StubAnswer { StubAnswer(isSilent: true) }
}
