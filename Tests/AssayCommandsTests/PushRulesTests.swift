import AssayCrypto
import AssayDomain
import Testing

@testable import AssayCommands

struct PushRulesTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func files(_ patterns: [String]) throws -> [String] {
        try FileScan.scan([folder.path], rules: PushRules(excluded: IgnorePatterns(lines: patterns))).files.map(\.path)
    }

    @Test(arguments: [
        ("*.log", ["a.log", "d/b.log"]), ("/*.log", ["a.log"]), ("d/*.log", ["d/b.log"]),
        ("d/", ["d/b.log", "d/e/c.bin"]),
        ("d", ["d/b.log", "d/e/c.bin"]), ("e", ["d/e/c.bin"]), ("/e", []), ("**/c.bin", ["d/e/c.bin"]),
        ("d/**", ["d/b.log", "d/e/c.bin"]), ("**/e/**", ["d/e/c.bin"]), ("d/**/c.bin", ["d/e/c.bin"]),
        ("d/**/b.log", ["d/b.log"]), ("?.log", ["a.log", "d/b.log"]), ("[ab].log", ["a.log", "d/b.log"]),
        ("a.log/", []), ("# a.log", []), ("a.log  ", ["a.log"]), ("", []), ("!a.log", []), (".hidden", [".hidden"]),
        ("*", [".hidden", "a.log", "d/b.log", "d/e/c.bin", "w.bin"]), ("\\#x", ["#x"]), ("größe", ["größe"]),
        ("W.BIN", []), ("*.log\r", ["a.log", "d/b.log"]),
    ])
    func `a pattern leaves out what it would in git`(pattern: String, expected: [String]) throws {
        let all = ["#x", ".hidden", "a.log", "d/b.log", "d/e/c.bin", "größe", "w.bin"]
        for name in all { try folder.write("x", as: name) }
        if pattern == "*" {
            #expect(throws: AssayError.self) { try files([pattern]) }
            return
        }
        #expect(try files([pattern]) == all.filter { !expected.contains($0) })
    }

    @Test func `the last pattern that fits decides, and options come after the file`() throws {
        for name in ["a.log", "b.log", "keep/c.log", "x.bin"] { try folder.write("x", as: name) }
        try folder.write("*.log\n!b.log\nkeep/\n!keep/c.log\n", as: IgnorePatterns.fileName)
        #expect(try files([]) == ["b.log", "x.bin"])
        #expect(try files(["b.log"]) == ["x.bin"])
        #expect(try files(["!a.log"]) == ["a.log", "b.log", "x.bin"])
    }

    @Test func `keys, stores and what git keeps stay behind at any depth`() throws {
        let key = try PrivateKey.generate().pem
        for name in ["a/key.pem", "key", "notes.txt"] { try folder.write("\(name)\n\(key)\nmore", as: name) }
        try folder.write("  \(key.replacing("\n", with: "\r\n  "))", as: "indented.pem")
        try folder.write(try PrivateKey.generate().publicKey.pem, as: "key.pub.pem")
        try folder.write("A key begins with -----BEGIN PRIVATE KEY-----, as everybody knows.", as: "README.md")
        for name in ["store.json", "index.sqlite", "keys/x"] { try folder.write("x", as: "in/st/\(name)") }
        for name in ["a/.git", "b/.git/config", "b/w.bin"] { try folder.write("x", as: name) }
        let scan = try FileScan.scan([folder.path])
        #expect(scan.files.map(\.path) == ["README.md", "b/w.bin", "key.pub.pem"])
        let left = Dictionary(uniqueKeysWithValues: scan.leftOut.map { ($0.path, $0.why) })
        #expect(
            left == [
                "a/key.pem": .privateKey, "key": .privateKey, "notes.txt": .privateKey, "indented.pem": .privateKey,
                "in/st": .store, "a/.git": .repositoryOfGit, "b/.git": .repositoryOfGit,
            ])
    }

    @Test func `a secret that is named itself is refused`() throws {
        let key = try folder.write(try PrivateKey.generate().pem, as: "key.pem")
        for name in ["store.json", "index.sqlite", "keys/x"] { try folder.write("x", as: "st/\(name)") }
        for path in [key, folder.path + "/st"] {
            let error = #expect(throws: AssayError.self) { try FileScan.scan([path]) }
            #expect(error?.code == .usage)
        }
        let token = try folder.write("secret", as: "token")
        try folder.write("x", as: "w.bin")
        let scan = try FileScan.scan([folder.path + "/token", folder.path + "/w.bin"])
        #expect(scan.files.count == 2)
        let error = #expect(throws: AssayError.self) { try FileScan.scan([token], rules: PushRules(secrets: [token])) }
        #expect(error?.code == .usage)
    }

    @Test func `too much of it is refused`() {
        let error = #expect(throws: AssayError.self) {
            try IgnorePatterns(lines: Array(repeating: "x", count: 1_001))
        }
        #expect(error?.code == .tooManyEntries)
        #expect(throws: AssayError.self) {
            try IgnorePatterns(lines: [Array(repeating: "a", count: 65).joined(separator: "/")])
        }
    }
}
