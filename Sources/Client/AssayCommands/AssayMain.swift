import ArgumentParser
import AssayDomain
import Glibc

/// The command line from its arguments to its exit status.
package enum AssayMain {
    /// The first argument of a shell's request for completions, as the parser's scripts make it.
    package static let completionRequest = "---completion"

    /// Runs one command: parses, handles signals, reports a failure, and gives the status to exit with.
    package static func run(arguments: [String], environment: CommandEnvironment) async -> Int32 {
        await CommandEnvironment.$current.withValue(environment) {
            do {
                return try await execute(arguments)
            } catch {
                return report(error, isJSON: ArgumentOrder.wantsJSON(arguments), on: environment.console)
            }
        }
    }

    private static func execute(_ arguments: [String]) async throws -> Int32 {
        let ordered = try ArgumentOrder.arrange(arguments, root: Assay.self)
        // The server ends by its own rules when it is asked to stop: that is a success, not an interruption.
        if ordered.first == ServeCommand._commandName { return try await perform(ordered) }
        do {
            return try await Interruption.watching { try await perform(ordered) }
        } catch is Interrupted where ordered.first == WorkerCommand._commandName {
            // It has given its jobs back, and that was what the signal asked for.
            return ExitStatus.done
        }
    }

    private static func perform(_ arguments: [String]) async throws -> Int32 {
        let command: any ParsableCommand
        do {
            command = try await Assay.asyncParseAsRoot(arguments)
        } catch {
            return try parserMessage(error)
        }
        do {
            try await run(command)
            return ExitStatus.done
        } catch let error where Assay.exitCode(for: error).isSuccess {
            // Help and the version come as errors too.
            return try parserMessage(error)
        }
    }

    private static func run(_ command: any ParsableCommand) async throws {
        if let command = command as? any AsyncParsableCommand {
            try await runAsync(command)
        } else {
            var command = command
            try command.run()
        }
    }

    private static func runAsync(_ command: some AsyncParsableCommand) async throws {
        var command = command
        try await command.run()
    }

    /// What the parser has to say: help on the first stream, a fault of the arguments as an error of ours.
    private static func parserMessage(_ error: any Error) throws -> Int32 {
        if Assay.exitCode(for: error).isSuccess {
            let console = CommandEnvironment.current.console
            try console.print(text: HelpText.message(for: error, width: console.width) + "\n")
            return ExitStatus.done
        }
        let text = HelpText.message(for: error, width: nil)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
        let message = lines.first.map { $0.hasPrefix("Error: ") ? String($0.dropFirst(7)) : String($0) } ?? "wrong use"
        let rest = lines.dropFirst().map(String.init).joined(separator: "\n")
        throw AssayError(.usage, message, remedy: rest.isEmpty ? nil : rest)
    }

    private static func report(_ error: any Error, isJSON: Bool, on console: Console) -> Int32 {
        if let told = error as? AlreadyReported { return told.status }
        if error is ClosedPipe { return ExitStatus.signal(SIGPIPE) }
        if let interrupted = error as? Interrupted { return ExitStatus.signal(interrupted.signal) }
        if error is CancellationError { return ExitStatus.signal(SIGINT) }
        let report = ErrorReport(error)
        guard isJSON else {
            for line in report.lines { console.note(line) }
            return report.exitStatus
        }
        // The status tells the failure even where nobody reads the document any more.
        try? console.print(json: report.problem)
        return report.exitStatus
    }
}
