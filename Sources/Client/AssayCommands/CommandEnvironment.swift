package import AssayClient
package import AssayDomain

/// What `assay serve` was asked for.
package struct ServeOptions: Sendable, Hashable {
    package var store: String
    package var host: String
    /// 0 lets the system choose one.
    package var port: Int
    /// A Unix socket to listen on beside the address; nil listens on the one in the store's folder.
    package var unixSocket: String?
    package var tokenFile: String?
    package var onnxRuntimePath: String?
    package var evaluatorPath: String?
    package var settings: StoreSettings

    package init(
        store: String, host: String, port: Int, unixSocket: String? = nil, tokenFile: String? = nil,
        onnxRuntimePath: String? = nil, evaluatorPath: String? = nil,
        settings: StoreSettings = StoreSettings()
    ) {
        self.store = store
        self.host = host
        self.port = port
        self.unixSocket = unixSocket
        self.tokenFile = tokenFile
        self.onnxRuntimePath = onnxRuntimePath
        self.evaluatorPath = evaluatorPath
        self.settings = settings
    }
}

/// What the commands need from the program that they are part of; a task-local, so that tests can give their own.
package struct CommandEnvironment: Sendable {
    /// Makes a store and gives the lines to print.
    package typealias Initialise = @Sendable (_ store: String) async throws -> [String]
    /// Serves until the process is asked to stop; handles the signals for that itself.
    package typealias Serve = @Sendable (ServeOptions) async throws -> Void
    /// Lends the base URL of a server over a store: the one that owns it, or one started for as long as `body` runs.
    package typealias WithLocalServer =
        @Sendable (
            _ store: String, _ body: @escaping @Sendable (_ baseURL: String) async throws -> Void
        ) async throws -> Void

    /// Runs evaluators for the server of a client until the task is cancelled.
    package typealias Work = @Sendable (WorkerOptions, AssayClient) async throws -> Void

    package let withLocalServer: WithLocalServer
    /// As `withLocalServer`, for a look: what has no server is only read, and nobody else gets to know of it.
    package let glance: WithLocalServer
    package let initialise: Initialise
    package let serve: Serve
    package let work: Work
    /// The environment variables of the process.
    package let variables: [String: String]
    package let console: Console

    package init(
        variables: [String: String], console: Console = .standard, initialise: @escaping Initialise,
        serve: @escaping Serve, work: @escaping Work, withLocalServer: @escaping WithLocalServer,
        glance: @escaping WithLocalServer = { _, _ in }
    ) {
        self.withLocalServer = withLocalServer
        self.glance = glance
        self.initialise = initialise
        self.serve = serve
        self.work = work
        self.variables = variables
        self.console = console
    }

    /// The environment of the running command.
    @TaskLocal static var current = CommandEnvironment(
        variables: [:], initialise: { _ in throw unavailable }, serve: { _ in throw unavailable },
        work: { _, _ in throw unavailable },
        withLocalServer: { _, _ in throw unavailable })

    private static var unavailable: AssayError {
        AssayError(.internalError, "this program cannot open a store")
    }
}
