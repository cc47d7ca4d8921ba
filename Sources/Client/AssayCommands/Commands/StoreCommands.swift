import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay init STORE`
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a new store.",
        discussion: """
            Example:
              assay init ./store
            """)

    @Argument(help: "A folder that does not exist yet, or is empty.", completion: .directory)
    var store: String

    mutating func run() async throws {
        let environment = CommandEnvironment.current
        for line in try await environment.initialise(store) { try environment.console.print(line) }
    }
}

/// `assay serve --store STORE --listen HOST:PORT`
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a store until SIGINT or SIGTERM.",
        discussion: """
            Beyond loopback a token file is demanded. Port 0 lets the system choose one.

            Example:
              assay serve --store ./store --listen 127.0.0.1:8080
            """)

    @Option(
        help: ArgumentHelp("The store folder. [environment: ASSAY_STORE]", valueName: "dir"), completion: .directory)
    var store: String?

    @Option(help: ArgumentHelp("The address to listen on.", valueName: "host:port"))
    var listen = "127.0.0.1:8080"

    @Option(
        help: ArgumentHelp("A file with the token that every request must carry.", valueName: "file"),
        completion: .file())
    var tokenFile: String?

    @Option(
        help: ArgumentHelp("A Unix socket instead of the one in the store folder.", valueName: "path"),
        completion: .file())
    var unixSocket: String?

    @Option(help: ArgumentHelp("How long an unfinished upload is kept: 90s, 15m, 24h, 7d.", valueName: "duration"))
    var uploadExpiry = "24h"

    @Option(help: ArgumentHelp("The largest manifest that is accepted, from 4MiB to 64MiB.", valueName: "size"))
    var manifestLimit = "4MiB"

    @Option(
        help: ArgumentHelp(
            "What is checked of the bytes of each pull: checksums, or none, which sends what the disk gives.",
            valueName: "check"), completion: .values(of: ReadCheck.self))
    var readCheck = ReadCheck.checksums.rawValue

    @Flag(help: "Offer no deletes of versions, manifests and blobs.")
    var noDelete = false

    @Option(help: ArgumentHelp("How long a worker elsewhere may be silent, from 1s to 1h.", valueName: "duration"))
    var lease = "60s"

    @OptionGroup var evaluatorOptions: EvaluatorOptions

    mutating func run() async throws {
        let environment = CommandEnvironment.current
        guard let store = store ?? environment.variables["ASSAY_STORE"], !store.isEmpty else {
            throw AssayError(.usage, "no store is named", remedy: "add --store DIR, or set ASSAY_STORE")
        }
        let address = try ListenAddress(parsing: listen)
        try await environment.serve(
            ServeOptions(
                store: store, host: address.host, port: address.port, unixSocket: unixSocket, tokenFile: tokenFile,
                onnxRuntimePath: evaluatorOptions.onnxRuntime, evaluatorPath: evaluatorOptions.evaluator,
                settings: try settings()))
    }
}

extension ServeCommand {
    private func settings() throws(AssayError) -> StoreSettings {
        var settings = StoreSettings()
        settings.uploadExpiry = .seconds(
            try SettingText.seconds(uploadExpiry, option: "--upload-expiry", in: 1...365 * 24 * 3600))
        settings.manifestBytesMax = try SettingText.bytes(
            manifestLimit, option: "--manifest-limit", in: Manifest.bytesMaxDefault...Manifest.bytesMax)
        guard let readCheck = ReadCheck(rawValue: readCheck) else {
            throw SettingText.invalid(readCheck, option: "--read-check", remedy: "use checksums or none")
        }
        settings.readCheck = readCheck
        settings.allowsDeletes = !noDelete
        settings.evaluators.places = try evaluatorOptions.places()
        settings.evaluators.labels = try evaluatorOptions.labels()
        settings.evaluators.lease = .seconds(try SettingText.seconds(lease, option: "--lease", in: 1...3_600))
        return settings
    }
}

/// A host and a port, as `--listen` takes them.
struct ListenAddress: Equatable {
    let host: String
    let port: Int

    /// Parses `HOST:PORT`, an IPv6 address in brackets; throws `configuration-invalid`.
    init(parsing text: String) throws(AssayError) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw Self.invalid(text, "a port is a number from 0 to 65535")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw Self.invalid(text, "an IPv6 address stands in brackets")
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0.isAlphanumeric || ":.-_".utf8.contains($0) }) else {
            throw Self.invalid(text, "it names no host")
        }
        self.host = String(host)
        self.port = Int(port)
    }

    private static func invalid(_ text: String, _ reason: String) -> AssayError {
        AssayError(
            .configurationInvalid, "cannot listen on \(Printable.quote(text, limit: 80))", reason: reason,
            remedy: "write it as 127.0.0.1:8080")
    }
}

/// `assay gc`
struct GarbageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Show what takes space and nobody refers to; drop unfinished uploads.",
        discussion: """
            Blobs are shown and stay. An upload that was cut holds its space until it is finished or expires; \
            --drop-uploads frees it at once, and a client that comes back begins anew.

            Example:
              assay gc
              assay gc --drop-uploads
            """)

    @Flag(help: "Remove nothing, which is all there is so far.")
    var dryRun = false

    @Flag(help: "Remove the unfinished uploads that nobody writes to at the moment.")
    var dropUploads = false

    @OptionGroup var options: ServerOptions

    func validate() throws {
        if dryRun, dropUploads { throw ValidationError("--dry-run removes nothing; leave --drop-uploads out") }
    }

    mutating func run() async throws {
        let (isJSON, console, drops) = (options.json, options.console, dropUploads)
        try await options.withClient { client in
            guard !drops else {
                let dropped = try await client.dropUploads()
                if isJSON { return try console.print(json: dropped) }
                return try console.print("dropped \(Self.text(dropped))")
            }
            let garbage = try await client.garbage()
            if isJSON { return try console.print(json: garbage) }
            var table = Table("BLOB", "SIZE")
            for blob in garbage.blobs { table.add(blob.digest.description, Figure.bytes(blob.size)) }
            if !table.isEmpty { try console.print(table) }
            let more = garbage.isTruncated ? " and more" : ""
            let size = Figure.bytes(garbage.totalBytes)
            try console.print("\(garbage.blobs.count) unreferenced blobs\(more), \(size); nothing was removed")
            if let uploads = garbage.uploads, uploads.count > 0 {
                try console.print("\(Self.text(uploads)): assay gc --drop-uploads frees them")
            }
        }
    }

    private static func text(_ uploads: UploadsResponse) -> String {
        "\(uploads.count) unfinished upload\(uploads.count == 1 ? "" : "s"), \(Figure.bytes(uploads.bytes))"
    }
}

/// `assay completions SHELL`
struct CompletionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Print the completion script of a shell.",
        discussion: """
            Example:
              assay completions bash > ~/.local/share/bash-completion/completions/assay
            """)

    @Argument(help: "bash, zsh or fish.", completion: .list(CompletionShell.allCases.map(\.rawValue)))
    var shell: String

    mutating func run() async throws {
        guard let shell = CompletionShell(rawValue: shell) else {
            throw AssayError(
                .usage, "there are no completions for \(Printable.quote(shell))", remedy: "use bash, zsh or fish")
        }
        try CommandEnvironment.current.console.print(text: CompletionScript.text(for: shell) + "\n")
    }
}
