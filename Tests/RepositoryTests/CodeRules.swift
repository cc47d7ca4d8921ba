import Foundation

/// What Swift code must not say.
enum CodeRules {
    /// How many lines above `@unchecked Sendable` its proof may begin.
    static let proofDistanceMax = 12
    static let fileLinesMax = 500
    static let lineColumnsMax = 120

    private static let bannedEverywhere = ["try!", "as!", "fatalError("]
    /// Clock, ids and randomness come from ports.
    private static let bannedInCore = ["Date()", "UUID()", ".random", "ContinuousClock.now"]
    private static let unstructured = ["Task {", "Task(", "Task.detached"]
    /// Written in two parts, so that this file does not find itself.
    private static let leftovers = ["TO" + "DO", "FIX" + "ME"]

    /// Calls that are banned outside of tests.
    static func bannedCalls(in file: TextFile) -> [Finding] {
        let lines = SwiftCode(file).lines
        return file.findings { number, _ in
            let code = lines[number - 1].code
            if let call = bannedEverywhere.first(where: code.containsWord) { return "\(call) is banned" }
            if file.isBeneath("Sources/Core"), let call = bannedInCore.first(where: code.contains) {
                return "\(call) is banned in Core"
            }
            return nil
        }
    }

    /// Ways to the standard streams that go around `Console`, which escapes what a terminal must not see.
    ///
    /// A method of the name `print` is fine: it ends there.
    static func strayOutput(in file: TextFile) -> [Finding] {
        guard !homesOfStreams.contains(where: { file.path == $0 || file.isBeneath($0) }) else { return [] }
        let lines = SwiftCode(file).lines
        return file.findings { number, _ in
            let code = lines[number - 1].code
            let isFreePrint = code.containsWord("print(") && !code.contains("func print(")
            let call = isFreePrint ? "print(" : waysToStreams.first(where: code.contains)
            return call.map { "\($0) goes around Console" }
        }
    }

    private static let waysToStreams = [
        "debugPrint(", "dump(", "fputs(", "puts(", "putchar(", "printf(", "fwrite(", "perror(", "NSLog(",
        "standardOutput",
        "standardError", "STDOUT_FILENO", "STDERR_FILENO", "/dev/std", "/dev/tty", " stdout", " stderr", "(stdout",
        "(stderr", "Console(",
    ]
    /// The console itself, and what has to do with the streams of other processes: the evaluator's protocol and cage,
    /// and commands that sign.
    private static let homesOfStreams = [
        "Sources/Client/AssayCommands/Output/Console.swift",
        "Sources/Client/AssayCommands/Signing/CommandProcess.swift",
        "Sources/Verification", "Sources/assay-evaluator",
    ]

    /// Tasks that nobody owns, unless the line before says who does.
    static func unstructuredTasks(in file: TextFile) -> [Finding] {
        let lines = SwiftCode(file).lines
        return file.findings { number, _ in
            guard let task = unstructured.first(where: lines[number - 1].code.containsWord) else { return nil }
            return number > 1 && lines[number - 2].isComment ? nil : "\(task) without a comment on the line before"
        }
    }

    /// Types that claim to be safe without a proof.
    static func uncheckedSendable(in file: TextFile) -> [Finding] {
        let lines = SwiftCode(file).lines
        return file.findings { number, _ in
            guard lines[number - 1].code.contains("@unchecked Sendable") else { return nil }
            let above = lines[max(0, number - 1 - proofDistanceMax)..<(number - 1)]
            return above.contains(where: \.isComment) ? nil : "@unchecked Sendable without a proof above it"
        }
    }

    /// Paths that are compared as texts, which takes `é` in one scalar and in two for the same: `isExactly`,
    /// `ExactText` and bytes do not. Found is what compares a `path`, and what is called after paths and keyed by
    /// texts.
    static func pathComparisons(in file: TextFile) -> [Finding] {
        let lines = SwiftCode(file).lines
        return file.findings { number, _ in
            let code = lines[number - 1].code
            let isTextual = comparisonsOfPaths.contains { code.range(of: $0, options: .regularExpression) != nil }
            return isTextual ? "a path is compared as a text; use isExactly or ExactText" : nil
        }
    }

    private static let comparisonsOfPaths = [
        #"\.path (==|!=) "#, #"(==|!=) [$\w.]*\.path\b"#, #"Set\((?!.*ExactText)[^)]*\.path\b"#,
        #"\b(\w*[a-z0-9](?=[A-Z]))?(?i:path|file|folder|location)s\w*: (Set<String>|\[String: )"#,
    ]

    /// Work that somebody meant to do later.
    static func leftoverNotes(in file: TextFile) -> [Finding] {
        file.findings { _, line in leftovers.first(where: line.contains).map { "\($0) is left" } }
    }

    /// Files and lines that are too long.
    static func sizes(of file: TextFile) -> [Finding] {
        // What stands behind the last line feed is no line.
        let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
        let whole = count > fileLinesMax ? [Finding(file.path, "has \(count) lines, \(fileLinesMax) are the most")] : []
        return whole
            + file.findings { _, line in
                line.count > lineColumnsMax ? "has \(line.count) columns, \(lineColumnsMax) are the most" : nil
            }
    }

    // MARK: SQL

    private static let statements = [
        ["SELECT ", " FROM "], ["INSERT ", "INTO "], ["UPDATE ", " SET "], ["DELETE FROM "], ["CREATE TABLE "],
        ["CREATE INDEX "], ["CREATE VIEW "], ["CREATE TRIGGER "], ["ALTER TABLE "], ["DROP TABLE "], ["PRAGMA "],
    ]
    /// Where SQL may stand. The last one holds the examples that these checks are tried with.
    private static let homesOfSQL = [
        "schema/sql", "Sources/Storage/AssayIndex", "Tests/AssayAuditLogTests", "Tests/AssayIndexTests",
        "Tests/RepositoryTests",
    ]

    /// SQL outside of the index. A statement over several lines is found by its first words.
    static func strayStatements(in file: TextFile) -> [Finding] {
        guard !homesOfSQL.contains(where: file.isBeneath) else { return [] }
        guard file.fileExtension != "sql" else { return [Finding(file.path, "SQL stands in schema/sql")] }
        let lines = SwiftCode(file).lines
        return file.findings { number, _ in
            let text = lines[number - 1].codeAndText
            let statement = statements.first { words in
                words.allSatisfy(text.contains) || text.trimmingPrefix { $0 == " " }.starts(with: words[0])
            }
            return statement.map { "\($0[0])belongs to the index" }
        }
    }
}
