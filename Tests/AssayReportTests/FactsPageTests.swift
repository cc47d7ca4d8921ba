import AssayReport
import Foundation
import Testing

@Suite struct FactsPageTests {
    private func page(_ text: String) throws -> String {
        var part = FactsPage.Part("part", "Part", remark: "What it is.", columns: ["One", "Two"])
        part.add([text, "2"], isBad: true)
        return try FactsPage(
            title: text, lead: [text],
            parts: [part, FactsPage.Part("empty", "Empty", remark: "Nothing.", columns: ["One"])]
        ).html()
    }

    @Test func `each part has its table, and an empty one says so`() throws {
        let page = try page("a fact")
        #expect(page.contains("<td>a fact</td><td>2</td>") && page.contains("<tr class=\"bad\">"))
        #expect(page.components(separatedBy: "<table>").count == 2 && page.contains("<p>None.</p>"))
        #expect(page.components(separatedBy: "<p>None.</p>").count == 2)
    }

    @Test(arguments: [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</title></td></table>", "{{title}}",
        "a\u{0}\u{7}\u{202E}b",
    ])
    func `hostile text is escaped wherever it stands`(text: String) throws {
        let page = try page(text)
        #expect(!page.contains("<script") && !page.contains("<img"))
        #expect(page.components(separatedBy: "</title>").count == 2)
        #expect(page.components(separatedBy: "</table>").count == 2)
        #expect(!page.unicodeScalars.contains { $0.value < 32 && $0 != "\n" || $0 == "\u{202E}" })
    }

    @Test func `a page needs nothing from anywhere`() throws {
        let page = try page("https://example.com")
        for word in ["src=", "http-equiv=\"refresh\"", "@import", "url("] { #expect(!page.contains(word)) }
    }
}
