import Testing

struct CodeRulesTests {
    private func source(_ text: String, at path: String = "Sources/assay/X.swift") -> TextFile { TextFile(path, text) }

    @Test(arguments: ["let x = try! f()", "let y = x as! Int", "fatalError(\"no\")", "  return try! f()"])
    func `a banned call is found`(line: String) {
        #expect(CodeRules.bannedCalls(in: source("// first\n\(line)\n")).map(\.line) == [2])
    }

    @Test(arguments: ["// try! is banned", "let text = \"try! x as! y\"", "try f()", "notFatalError()"])
    func `a word in a comment or a text is not`(line: String) {
        #expect(CodeRules.bannedCalls(in: source(line)).isEmpty)
    }

    @Test(arguments: [
        "print(name)", "    debugPrint(name)", "FileHandle.standardError.write(data)", "fputs(text, stderr)",
        "write(STDOUT_FILENO, bytes, 9)", "let console = Console(isTerminal: true, output: f, error: f)",
        "if isLoud { print(name) }", "Swift.dump(value)",
    ])
    func `a way around the console is found`(line: String) {
        #expect(CodeRules.strayOutput(in: source("let x = 1\n\(line)")).map(\.line) == [2])
    }

    @Test(arguments: [
        "try console.print(name)", "static func print(_ table: Table) throws {", "// print(name)",
        "let text = \"print(x)\"", "console.note(line)",
    ])
    func `what goes through it is not`(line: String) { #expect(CodeRules.strayOutput(in: source(line)).isEmpty) }

    @Test func `a text over several lines is no code`() {
        let text = "let help = \"\"\"\n    try! not to\n    \"\"\"\nlet x = try! f()\n"
        #expect(CodeRules.bannedCalls(in: source(text)).map(\.line) == [4])
    }

    @Test(arguments: ["let now = Date()", "let id = UUID()", "Int.random(in: 0..<9)", "ContinuousClock.now"])
    func `time, ids and chance are banned in Core alone`(line: String) {
        #expect(CodeRules.bannedCalls(in: source(line, at: "Sources/Core/AssayDomain/X.swift")).count == 1)
        #expect(CodeRules.bannedCalls(in: source(line)).isEmpty)
    }

    @Test(arguments: ["Task { await f() }", "    Task.detached { f() }", "let task = Task(priority: .low) { f() }"])
    func `a task without an owner is found`(line: String) {
        #expect(CodeRules.unstructuredTasks(in: source("let x = 1\n\(line)")).map(\.line) == [2])
        #expect(CodeRules.unstructuredTasks(in: source("// Ended by stop().\n\(line)")).isEmpty)
    }

    @Test func `a task of a group has one`() {
        #expect(CodeRules.unstructuredTasks(in: source("group.addTask { f() }\ntry Task.checkCancellation()")).isEmpty)
    }

    @Test func `an unchecked claim needs a proof near by`() {
        let claim = "final class X: @unchecked Sendable {}"
        #expect(CodeRules.uncheckedSendable(in: source("let x = 1\n\(claim)")).map(\.line) == [2])
        #expect(CodeRules.uncheckedSendable(in: source("/// Its lock orders all.\n\(claim)")).isEmpty)
        let far = "// A proof.\n" + String(repeating: "let x = 1\n", count: CodeRules.proofDistanceMax) + claim
        #expect(CodeRules.uncheckedSendable(in: source(far)).count == 1)
    }

    @Test(arguments: [
        "guard file.path == asked else { return }", "if asked != $0.path { f() }",
        "let known = Set(files.map(\\.path))",
        "private var files: Set<String> = []", "let knownPaths: [String: Int64]", "var listedFolders: Set<String> = []",
    ])
    func `a path that is compared as a text is found`(line: String) {
        #expect(CodeRules.pathComparisons(in: source("let x = 1\n\(line)")).map(\.line) == [2])
    }

    @Test(arguments: [
        "guard file.path.isExactly(asked) else { return }", "private var files: Set<ExactText> = []",
        "let path: String", "// one.path == two.path", "func f(paths: [String]) {}",
    ])
    func `a path that is compared by its bytes is not`(line: String) {
        #expect(CodeRules.pathComparisons(in: source(line)).isEmpty)
    }

    @Test func `a note for later is found`() {
        let note = "FIX" + "ME"
        #expect(CodeRules.leftoverNotes(in: source("let x = 1  // \(note) soon")).count == 1)
        #expect(CodeRules.leftoverNotes(in: source("let x = 1  // fixed")).isEmpty)
    }

    @Test func `a long file and a long line are found`() {
        let lines = String(repeating: "let x = 1\n", count: CodeRules.fileLinesMax)
        #expect(CodeRules.sizes(of: source(lines)).isEmpty)
        #expect(CodeRules.sizes(of: source(lines + "let x = 1\n")).map(\.line) == [nil])
        let line = String(repeating: "é", count: CodeRules.lineColumnsMax)
        #expect(CodeRules.sizes(of: source(line)).isEmpty)
        #expect(CodeRules.sizes(of: source("x\n\(line)x")).map(\.line) == [2])
    }

    @Test(arguments: [
        "try database.execute(sql: \"DELETE FROM blobs\")", "let sql = \"SELECT id FROM blobs\"",
        "    INSERT INTO blobs", "    UPDATE blobs", "\"PRAGMA user_version\"",
    ])
    func `SQL outside of the index is found`(line: String) {
        let text = line.hasPrefix(" ") ? "let sql = \"\"\"\n\(line)\n\"\"\"" : line
        #expect(CodeRules.strayStatements(in: source(text)).count == 1)
        #expect(CodeRules.strayStatements(in: source(text, at: "Sources/Storage/AssayIndex/X.swift")).isEmpty)
    }

    @Test func `a migration elsewhere is found, and words are no SQL`() {
        #expect(CodeRules.strayStatements(in: TextFile("docs/x.sql", "")).count == 1)
        #expect(CodeRules.strayStatements(in: source("// SELECT a FROM b\nlet x = \"select a file\"")).isEmpty)
    }
}
