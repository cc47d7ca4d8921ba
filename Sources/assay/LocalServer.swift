import AssayClient
import AssayDomain
import AssayRegistry
import HTTPKit
import HummingbirdCore
import NIOCore
import ServiceLifecycle

/// The server behind `--store`: the same application on the Unix socket in the store's folder.
enum LocalServer {
    /// The longest path of a Unix socket that SwiftNIO takes; `sun_path` has a few bytes more here.
    private static let socketPathBytesMax = 103

    private static func fits(_ socket: String) -> Bool { socket.utf8.count <= socketPathBytesMax }

    /// Where a server listens for commands of its own machine; nil where the store's folder has too long a path and
    /// nobody named another place. Throws `configuration-invalid` for a named one that is too long.
    static func socketPath(_ path: String?, of store: StoreFolder) throws(AssayError) -> String? {
        guard let path else { return fits(store.socketPath) ? store.socketPath : nil }
        guard fits(path) else {
            throw AssayError(
                .configurationInvalid, "the path of --unix-socket is too long",
                reason: "a socket has at most \(socketPathBytesMax) bytes in its path", remedy: "use a shorter path")
        }
        return path
    }

    /// Lends the URL of the server that owns the store, or of one that runs for as long as `body` does.
    static func lend(
        store name: String, variables: [String: String],
        to body: @escaping @Sendable (_ baseURL: String) async throws -> Void
    ) async throws {
        let socket = StoreFolder.socketPath(in: StoreFolder.absolute(name))
        guard fits(socket) else {
            throw AssayError(
                .configurationInvalid, "the path of the store is too long for a socket",
                reason: "with the name of the socket it has over \(socketPathBytesMax) bytes",
                remedy: "move the store to a shorter path, or serve it and name the server with --server")
        }
        let url = Endpoint.unixSocket(path: socket).baseURL
        guard let store = try await take(name, socket: socket) else { return try await body(url) }
        let server = try Server(
            store: store, installation: Installation(evaluator: nil, runtimeLibrary: nil, variables: variables),
            settings: StoreSettings(), metrics: PrometheusMetrics())
        defer { server.close() }
        try await run(server, on: socket) { try await body(url) }
    }

    /// How often, and how far apart, a store is looked at that somebody has but nobody serves yet, or any more.
    private static let attempts = 100
    private static let pause = Duration.milliseconds(50)

    /// Takes the store, or gives nil once the process that has it answers. Throws `store-busy`.
    private static func take(_ name: String, socket: String) async throws -> StoreFolder? {
        for _ in 0..<attempts {
            if let store = try StoreFolder.open(name) { return store }
            if SocketPlace.answers(socket) { return nil }
            try await Task.sleep(for: pause)
        }
        throw AssayError(
            .storeBusy, "another process has the store \(Printable.quote(name)) and does not answer",
            remedy: "wait for it to end, then try again")
    }

    private static func run(
        _ server: Server, on socket: String, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let (started, running) = AsyncStream.makeStream(of: Void.self)
        let door = Server.Door(try await SocketPlace.take(socket))
        let group = ServiceGroup(
            configuration: .init(services: server.services([door]) { _ in running.yield() }, logger: Server.framework))
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
