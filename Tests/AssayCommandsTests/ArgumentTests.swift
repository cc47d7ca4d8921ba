import AssayDomain
import Testing

@testable import AssayCommands

struct ArgumentTests {
    @Test(arguments: [
        (["--server", "http://h", "list"], ["list", "--server", "http://h"]),
        (["--server=http://h", "--json", "show", "a:1"], ["show", "--server=http://h", "--json", "a:1"]),
        (["--store", "s", "alias", "set", "a", "b", "1"], ["alias", "set", "--store", "s", "a", "b", "1"]),
        (["list", "--store", "s"], ["list", "--store", "s"]),
        (["--store", "s", "push", "--", "a", "-x"], ["push", "--store", "s", "--", "a", "-x"]),
        (["push", "a", "--server"], ["push", "a", "--server"]),
        ([], []), (["--help"], ["--help"]), (["help", "push"], ["help", "push"]),
        (["alias", "--json", "list", "digits"], ["alias", "list", "--json", "digits"]),
        (["--json", "alias", "--store", "s", "list"], ["alias", "list", "--json", "--store", "s"]),
    ])
    func `options before the command are moved behind it`(given: [String], arranged: [String]) throws {
        #expect(try ArgumentOrder.arrange(given, root: Assay.self) == arranged)
    }

    @Test(arguments: ["-weights.bin", "-h1", "-hh", "-batch"])
    func `a word that starts with one dash is no bundle of flags`(word: String) {
        #expect(throws: AssayError.self) { try ArgumentOrder.arrange(["push", "a", word], root: Assay.self) }
    }

    @Test func `behind two dashes it is a name`() throws {
        let arguments = ["push", "a", "--", "-weights.bin"]
        #expect(try ArgumentOrder.arrange(arguments, root: Assay.self) == arguments)
    }

    @Test(arguments: [
        (["psuh"], "push"), (["verfy"], "verify"), (["alias", "sett"], "set"), (["polcy"], "policy"),
        (["--json", "lst"], "list"),
    ])
    func `a mistyped command gets a suggestion`(arguments: [String], meant: String) {
        let error = #expect(throws: AssayError.self) { try ArgumentOrder.arrange(arguments, root: Assay.self) }
        #expect(error?.code == .usage)
        #expect(error?.remedy?.contains("'\(meant)'") == true)
    }

    @Test func `a word that is like no command gets no suggestion`() {
        let error = #expect(throws: AssayError.self) { try ArgumentOrder.arrange(["frobnicate"], root: Assay.self) }
        #expect(error?.remedy?.contains("did you mean") == false)
    }

    @Test func `json behind two dashes is a name`() {
        #expect(ArgumentOrder.wantsJSON(["list", "--json"]))
        #expect(!ArgumentOrder.wantsJSON(["push", "--", "a", "--json"]))
    }

    @Test(arguments: [
        ("127.0.0.1:8080", "127.0.0.1", 8080), ("localhost:0", "localhost", 0), ("[::1]:443", "::1", 443),
        ("0.0.0.0:65535", "0.0.0.0", 65535),
    ])
    func `an address to listen on is read`(text: String, host: String, port: Int) throws {
        let address = try ListenAddress(parsing: text)
        #expect(address.host == host && address.port == port)
    }

    @Test(arguments: ["", "nonsense", ":80", "host", "host:", "host:99999", "host:-1", "::1:80", "ho st:1"])
    func `a wrong address to listen on is refused`(text: String) {
        #expect(throws: AssayError.self) { try ListenAddress(parsing: text) }
    }

    @Test func `pairs need a name and occur once`() throws {
        #expect(try Arguments.pairs(["a=1", "b=x=y", "c="], option: "o") == ["a": "1", "b": "x=y", "c": ""])
        #expect(try Arguments.pairs([], option: "o") == nil)
        for bad in [["a"], ["=1"], ["a=1", "a=2"]] {
            #expect(throws: AssayError.self) { try Arguments.pairs(bad, option: "o") }
            let error = #expect(throws: AssayError.self) { try Arguments.pairs(bad, of: "the argument") }
            #expect(error?.message.contains("--") == false)
        }
    }
}
