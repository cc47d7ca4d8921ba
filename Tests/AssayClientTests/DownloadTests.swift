import AssayClient
import AssayCrypto
import AssayDomain
import NIOCore
import Synchronization
import Testing

struct DownloadTests {
    private let repository: RepositoryName
    private let folder: TestFolder
    private let registry = StubRegistry()
    private let bytes = sampleBytes(3 << 20)

    init() throws {
        repository = try RepositoryName(parsing: "team/model")
        folder = try TestFolder()
        let bytes = bytes
        registry.state.withLock { $0.blobs[Digest.sha256(of: bytes).description] = bytes }
    }

    private func download(
        _ bytes: [UInt8], isReplacing: Bool = false, retry: RetryPolicy = .immediate, url: String
    ) async throws {
        try await AssayClient.withClient(of: Endpoint(parsing: url), retry: retry) { client in
            let target = DownloadTarget(
                folder: try FolderHandle.make(path: folder.path), name: "model", isReplacing: isReplacing)
            let blob = Descriptor(
                mediaType: MediaType.octetStream, digest: .sha256(of: bytes), size: Int64(bytes.count))
            try await client.download(blob, from: repository, to: target) { [registry] position in
                if position > 0 { registry.state.withLock { $0.isTaken = true } }
            }
        }
    }

    @Test(arguments: [0, 1, (1 << 20) - 1, 1 << 20, 3 << 20])
    func `a blob of any size comes down whole`(count: Int) async throws {
        let bytes = sampleBytes(count)
        registry.state.withLock { $0.blobs[Digest.sha256(of: bytes).description] = bytes }
        try await StubServer.run(registry) { try await download(bytes, url: $0) }
        #expect(folder.bytes(of: "model") == bytes)
        #expect(try folder.names == ["model"])
    }

    @Test func `a cut download goes on where it ended`() async throws {
        registry.state.withLock { ($0.downloadCuts, $0.isTaken) = ([(2 << 20) + 5], false) }
        try await StubServer.run(registry) { try await download(bytes, url: $0) }
        #expect(folder.bytes(of: "model") == bytes)
        #expect(registry.state.withLock { $0.ranges.count } == 1)
    }

    @Test func `a later process goes on with what an earlier one left`() async throws {
        registry.state.withLock { ($0.downloadCuts, $0.isTaken) = ([(2 << 20) + 5], false) }
        try await StubServer.run(registry) { url in
            let once = RetryPolicy(attemptsMax: 1, sleep: { _ in })
            await #expect(throws: AssayError.self) { try await download(bytes, retry: once, url: url) }
            #expect(folder.bytes(of: "model") == nil)
            try await download(bytes, url: url)
        }
        #expect(folder.bytes(of: "model") == bytes)
        #expect(registry.state.withLock { $0.ranges.count } == 1)
        #expect(try folder.names == ["model"])
    }

    @Test func `wrong bytes never get a name`() async throws {
        registry.state.withLock { $0.isLying = true }
        let error = await #expect(throws: AssayError.self) {
            try await StubServer.run(registry) { try await download(bytes, url: $0) }
        }
        #expect(error?.code == .digestMismatch)
        #expect(try folder.names.isEmpty)
    }

    @Test func `wrong bytes of an earlier try are thrown away`() async throws {
        let names = [bytes, Array("model".utf8)].map { Digest.sha256(of: $0).hex }
        let name = ".assay-\(names[0].prefix(32))-\(names[1].prefix(8)).part"
        _ = try folder.write(Array(sampleBytes(1 << 20).reversed()), as: name)
        try await StubServer.run(registry) { try await download(bytes, url: $0) }
        #expect(folder.bytes(of: "model") == bytes)
        #expect(try folder.names == ["model"])
    }

    @Test func `a file that exists is replaced only when asked`() async throws {
        _ = try folder.write([1], as: "model")
        try await StubServer.run(registry) { url in
            let error = await #expect(throws: AssayError.self) { try await download(bytes, url: url) }
            #expect(error?.code == .fileExists)
            #expect(folder.bytes(of: "model") == [1])
            try await download(bytes, isReplacing: true, url: url)
        }
        #expect(folder.bytes(of: "model") == bytes)
    }

    @Test func `a blob that is not there is not found`() async throws {
        let error = await #expect(throws: AssayError.self) {
            try await StubServer.run(registry) { try await download([9], url: $0) }
        }
        #expect(error?.code.kind == .notFound)
        #expect(folder.bytes(of: "model") == nil)
    }

    @Test func `a reader gets each byte once over a cut`() async throws {
        registry.state.withLock { $0.downloadCuts = [1_000_003] }
        let digest = StreamingDigest()
        try await StubServer.run(registry) { url in
            try await AssayClient.withClient(of: Endpoint(parsing: url), retry: .immediate) { client in
                let blob = Descriptor(
                    mediaType: MediaType.octetStream, digest: .sha256(of: bytes), size: Int64(bytes.count))
                try await client.read(blob, from: repository) { digest.update($0.readableBytesView) }
            }
        }
        #expect(digest.finalize() == .sha256(of: bytes))
    }
}
