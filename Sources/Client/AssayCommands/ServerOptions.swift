import ArgumentParser
import AssayClient
import AssayDomain

/// The options that say which registry a command speaks to; they may stand before the command too.
struct ServerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The registry's address. [environment: ASSAY_SERVER]", valueName: "url"))
    var server: String?

    @Option(
        help: ArgumentHelp("A store folder, used without a server. [environment: ASSAY_STORE]", valueName: "dir"),
        completion: .directory)
    var store: String?

    @Option(
        help: ArgumentHelp("A file with the access token. [environment: ASSAY_TOKEN]", valueName: "file"),
        completion: .file())
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "How long to wait for a server that does not go on, such as 30s; 2m if not given.", valueName: "duration"))
    var timeout: String?

    @Flag(help: "Print one JSON document, errors included.")
    var json = false

    private enum Place {
        case server(Endpoint)
        case store(String)
    }

    /// Lends a client of the registry that was named.
    ///
    /// Throws `usage` if none or two were named, and whatever the work throws.
    func withClient(_ work: @escaping @Sendable (AssayClient) async throws -> Void) async throws {
        let environment = CommandEnvironment.current
        let place = try place(environment.variables)
        let token = try token(environment.variables, for: place)
        let retry = RetryPolicy(patience: try patience())
        do {
            switch place {
            case .server(let endpoint):
                try await AssayClient.withClient(of: endpoint, token: token.secret, retry: retry, work)
            case .store(let path):
                try await environment.withLocalServer(path) { baseURL in
                    try await AssayClient.withClient(
                        of: Endpoint(parsing: baseURL), token: token.secret, retry: retry, work)
                }
            }
        } catch let error as AssayError where error.code == .unauthenticated && token.isWithheld {
            throw AssayError(
                error.code, error.message, reason: Self.withheld,
                remedy: "name this server's own token with --token-file FILE", cause: error)
        }
    }

    /// As `withClient`, for a look that nobody waits for: nothing is tried twice, and a store that has no server is
    /// only read.
    func glance(_ work: @escaping @Sendable (AssayClient) async throws -> Void) async throws {
        let environment = CommandEnvironment.current
        let place = try place(environment.variables)
        let token = try token(environment.variables, for: place).secret
        let retry = RetryPolicy(attemptsMax: 1)
        switch place {
        case .server(let endpoint):
            try await AssayClient.withClient(of: endpoint, token: token, retry: retry, work)
        case .store(let path):
            try await environment.glance(path) { baseURL in
                try await AssayClient.withClient(of: Endpoint(parsing: baseURL), retry: retry, work)
            }
        }
    }

    private func patience() throws(AssayError) -> Patience {
        let console = console
        let tell: @Sendable (String) -> Void = { line in
            // Not across a bar that is drawn just now.
            if console.isTerminal { console.clear() }
            console.note(line)
        }
        guard let timeout else { return Patience(tell: tell) }
        let seconds = try SettingText.seconds(timeout, option: "--timeout", in: Patience.secondsRange)
        return Patience(limit: .seconds(seconds), tell: tell)
    }

    private static let withheld = """
        ASSAY_TOKEN was not sent, because it belongs to the server of ASSAY_SERVER, which is another one
        """

    private func place(_ variables: [String: String]) throws(AssayError) -> Place {
        let named = (server: server, store: store)
        let fallback = (server: Self.value("ASSAY_SERVER", variables), store: Self.value("ASSAY_STORE", variables))
        for (server, store) in [named, fallback] {
            switch (server, store) {
            case (nil, nil): continue
            case (let server?, nil): return .server(try Endpoint(parsing: server))
            case (nil, let store?): return .store(store)
            case (_?, _?):
                throw AssayError(
                    .usage, "both a server and a store are named", remedy: "name one of --server URL and --store DIR")
            }
        }
        throw AssayError(
            .usage, "no registry is named",
            remedy: "add --server URL or --store DIR, or set ASSAY_SERVER or ASSAY_STORE")
    }

    /// The token that goes to a place, and whether there is one that belongs to another server.
    ///
    /// A variable outlives the command that it was set for: where `ASSAY_SERVER` says for which server, the token of
    /// the environment goes to no other one that an option names.
    private func token(
        _ variables: [String: String], for place: Place
    ) throws(AssayError) -> (secret: AccessToken?, isWithheld: Bool) {
        if let tokenFile { return (try AccessToken(file: tokenFile, custody: .ofSecrets(variables)), false) }
        guard let text = Self.value(AccessToken.variable, variables) else { return (nil, false) }
        guard let owner = Self.value("ASSAY_SERVER", variables) else { return (try AccessToken(text), false) }
        guard case .server(let endpoint) = place, let named = Self.endpoint(owner), named.isSameServer(as: endpoint)
        else { return (nil, true) }
        return (try AccessToken(text), false)
    }

    /// What is no address is the address of no server: the token belongs to none that can be asked.
    private static func endpoint(_ text: String) -> Endpoint? { try? Endpoint(parsing: text) }

    /// A variable that is set to nothing is not set.
    private static func value(_ name: String, _ variables: [String: String]) -> String? {
        variables[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    var console: Console { CommandEnvironment.current.console }
}
