import AssayCommands
import AssayDomain
import Foundation
import Synchronization

/// What a command printed.
final class Captured: Sendable {
    private let streams = Mutex<(output: [UInt8], error: [UInt8])>(([], []))

    var output: String { streams.withLock { String(decoding: $0.output, as: UTF8.self) } }
    var error: String { streams.withLock { String(decoding: $0.error, as: UTF8.self) } }

    func console(isTerminal: Bool = false, width: Int? = nil, hasColours: Bool = false) -> Console {
        Console(
            isTerminal: isTerminal, width: width, hasColours: hasColours,
            output: { bytes in self.streams.withLock { $0.output += bytes } },
            error: { bytes in self.streams.withLock { $0.error += bytes } })
    }

    /// Runs one command line without a store; gives its exit status.
    func run(_ arguments: String..., variables: [String: String] = [:]) async -> Int32 {
        await run(arguments, variables: variables)
    }

    /// As `run` with the arguments one by one.
    func run(_ arguments: [String], variables: [String: String] = [:]) async -> Int32 {
        let environment = CommandEnvironment(
            variables: variables, console: console(),
            initialise: { store in ["made \(store)"] },
            serve: { options in throw AssayError(.storeBusy, "asked for \(options.host) \(options.port)") },
            work: { _, _ in },
            withLocalServer: { store, _ in throw AssayError(.storeNotFound, "there is no store '\(store)'") })
        return await AssayMain.run(arguments: arguments, environment: environment)
    }
}

/// A folder of one test, removed when the test has ended.
final class TestFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "assay-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file, and the folders above it, and gives its path.
    @discardableResult
    func write(_ text: String, as name: String) throws -> String {
        let file = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return file.path
    }
}
