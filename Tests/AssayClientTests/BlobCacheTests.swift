import AssayClient
import AssayCrypto
import AssayDomain
import Foundation
import Synchronization
import Testing

struct BlobCacheTests {
    private let repository: RepositoryName
    private let folder: TestFolder
    private let registry = StubRegistry()
    private let blobs: [[UInt8]] = [[UInt8](repeating: 1, count: 600), [UInt8](repeating: 2, count: 500)]

    init() throws {
        repository = try RepositoryName(parsing: "team/model")
        folder = try TestFolder()
        for bytes in blobs {
            registry.state.withLock { [bytes] in $0.blobs[Digest.sha256(of: bytes).description] = bytes }
        }
    }

    private func descriptor(_ bytes: [UInt8]) -> Descriptor {
        Descriptor(mediaType: MediaType.octetStream, digest: .sha256(of: bytes), size: Int64(bytes.count))
    }

    private func name(_ bytes: [UInt8]) -> String { "sha256-\(Digest.sha256(of: bytes).hex)" }

    private var requestCount: Int { registry.state.withLock { $0.requests.count } }

    private func withClient(_ body: (AssayClient) async throws -> Void) async throws {
        try await StubServer.run(registry) { url in
            try await AssayClient.withClient(of: Endpoint(parsing: url), retry: .immediate, body)
        }
    }

    @Test func `a blob is fetched once, also by a later process`() async throws {
        try await withClient { client in
            for _ in 0..<2 {
                let cache = try BlobCache(path: folder.path, bytesMax: 2_000)
                for _ in 0..<2 {
                    try await cache.withFile(of: descriptor(blobs[0]), from: repository, by: client) { path in
                        #expect(FileManager.default.contents(atPath: path) == Data(blobs[0]))
                        #expect(folder.bytes(of: name(blobs[0])) == blobs[0])
                    }
                }
            }
        }
        #expect(requestCount == 1)
    }

    @Test func `a file that was changed is fetched anew`() async throws {
        _ = try folder.write([UInt8](repeating: 9, count: 600), as: name(blobs[0]))
        try await withClient { client in
            let cache = try BlobCache(path: folder.path, bytesMax: 2_000)
            try await cache.withFile(of: descriptor(blobs[0]), from: repository, by: client) { _ in
                #expect(folder.bytes(of: name(blobs[0])) == blobs[0])
            }
        }
        #expect(requestCount == 1)
    }

    @Test func `what was lent is the file that was proven, whatever its name stands for meanwhile`() async throws {
        try await withClient { client in
            let cache = try BlobCache(path: folder.path, bytesMax: 2_000)
            for _ in 0..<2 {
                try await cache.withFile(of: descriptor(blobs[0]), from: repository, by: client) { path in
                    // Another file of the same size and name, as a rename makes it.
                    let other = try folder.write([UInt8](repeating: 9, count: blobs[0].count), as: "other")
                    rename(other, "\(folder.path)/\(name(blobs[0]))")
                    #expect(FileManager.default.contents(atPath: path) == Data(blobs[0]))
                }
            }
        }
        // The other one was not believed for its name.
        #expect(requestCount == 2)
    }

    @Test func `what is not in use makes room, and what is in use stays`() async throws {
        try await withClient { client in
            let cache = try BlobCache(path: folder.path, bytesMax: 1_000)
            try await cache.withFile(of: descriptor(blobs[0]), from: repository, by: client) { _ in
                let failure = await #expect(throws: AssayError.self) {
                    try await cache.withFile(of: descriptor(blobs[1]), from: repository, by: client) { _ in }
                }
                #expect(failure?.code == .bodyTooLarge)
                #expect(folder.bytes(of: name(blobs[0])) == blobs[0])
            }
            try await cache.withFile(of: descriptor(blobs[1]), from: repository, by: client) { _ in
                #expect(folder.bytes(of: name(blobs[0])) == nil)
                #expect(folder.bytes(of: name(blobs[1])) == blobs[1])
            }
        }
    }

    @Test func `a folder belongs to one process`() throws {
        let cache = try BlobCache(path: folder.path, bytesMax: 1_000)
        let failure = #expect(throws: AssayError.self) { try BlobCache(path: folder.path, bytesMax: 1_000) }
        #expect(failure?.code == .configurationInvalid)
        withExtendedLifetime(cache) {}
    }
}
