import AssayClient
import AssayDomain
import AssayRegistry
import HTTPKit
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// The server behind `--store`: the same application on the Unix socket in the store's folder.
enum LocalServer {
    /// The longest path that a Unix socket can have: `sun_path` has 108 bytes with its end.
    private static let socketPathBytesMax = 107

    static func fits(_ socket: String) -> Bool { socket.utf8.count <= socketPathBytesMax }

    /// Lends the URL of the server that owns the store, or of one that runs for as long as `body` does.
    static func lend(
        store name: String, variables: [String: String],
        to body: @escaping @Sendable (_ baseURL: String) async throws -> Void
    ) async throws {
        let socket = StoreFolder.socketPath(in: StoreFolder.absolute(name))
        guard fits(socket) else {
            throw AssayError(
                .configurationInvalid, "the path of the store is too long for a socket",
                remedy: "use a path of at most \(socketPathBytesMax - 11) bytes, or a server with --server")
        }
        let url = Endpoint.unixSocket(path: socket).baseURL
        guard let store = try StoreFolder.open(name) else { return try await body(url) }
        let server = try Server(
            store: store, installation: Installation(evaluator: nil, runtimeLibrary: nil, variables: variables),
            metrics: PrometheusMetrics())
        try await run(server, on: socket) { try await body(url) }
    }

    private static func run(
        _ server: Server, on socket: String, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let (started, running) = AsyncStream.makeStream(of: Void.self)
        let door = Server.Door(address: .unixDomainSocket(path: socket), authenticate: Authenticate(.open))
        var logger = Logger(label: "assay")
        logger.logLevel = .error
        let group = ServiceGroup(
            configuration: .init(services: server.services([door]) { _ in running.yield() }, logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { running.finish() }
                try await group.run()
            }
            var iterator = started.makeAsyncIterator()
            guard await iterator.next() != nil else {
                // It ended before it served: its failure is what the group throws.
                try await tasks.waitForAll()
                throw AssayError(.internalError, "the store's server ended before it served")
            }
            let outcome = await Result(catching: body)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try outcome.get()
        }
    }
}

extension Result where Success == Void, Failure == any Error {
    /// The outcome of work that waits.
    fileprivate init(catching work: () async throws -> Void) async {
        do {
            self = .success(try await work())
        } catch {
            self = .failure(error)
        }
    }
}
