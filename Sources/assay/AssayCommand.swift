import AssayCommands
import AssayDomain
import Foundation
import Glibc
import Logging

/// The `assay` program: the place where adapters are chosen and handed to the commands.
@main
enum AssayCommand {
    static func main() async {
        // A reader that goes away shows as a failed write, not as the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let variables = ProcessInfo.processInfo.environment
        if CommandLine.arguments.dropFirst().first == AssayMain.completionRequest { Console.silenceNews() }
        let asked = variables["ASSAY_LOG"]
        let level = asked.flatMap { Logger.Level(rawValue: $0) }
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler(label: label, stream: LogLines())
            handler.logLevel = level ?? .warning
            return handler
        }
        let environment = CommandEnvironment(
            variables: variables,
            initialise: { try await StoreFolder.initialise($0) },
            serve: { try await Server.serve($0, variables: variables) },
            work: { options, client in
                try await RemoteWorker.run(options, client: client, variables: variables, console: .standard)
            },
            withLocalServer: { store, body in
                try await LocalServer.lend(
                    store: store, variables: variables, note: { Console.standard.note($0) }, to: body)
            },
            glance: { store, body in try await LocalServer.glance(at: store, variables: variables, to: body) })
        if let asked, !asked.isEmpty, level == nil {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            Console.standard.note("error: ASSAY_LOG is \(Printable.quote(asked, limit: 40)), which is no level")
            Console.standard.note("  next: use one of \(levels)")
            exit(ExitStatus.usage)
        }
        exit(await AssayMain.run(arguments: Array(CommandLine.arguments.dropFirst()), environment: environment))
    }
}

/// The log's way to the second stream: what it says of requests goes through the same escaping as all else.
private struct LogLines: TextOutputStream {
    /// One call of the handler is one line.
    mutating func write(_ line: String) {
        Console.standard.note(line.hasSuffix("\n") ? String(line.dropLast()) : line)
    }
}
