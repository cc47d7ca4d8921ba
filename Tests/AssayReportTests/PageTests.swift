import AssayDomain
import AssayReport
import Foundation
import Testing

@Suite struct PageTests {
    @Test func `the page of a passed version shows verdict, pictures and context`() throws {
        let page = try ReportPage(try Sample.report()).html()
        for expected in [
            "<h1>team/digits:3</h1>", "Passed", "id=\"latency-chart-title\"", "id=\"throughput-chart-title\"",
            "id=\"comparison-chart-title\"", "Confusion matrix", "assay-evaluator", "--replay 00000000000000aa",
        ] {
            #expect(page.contains(expected), "\(expected) is missing")
        }
    }

    @Test func `a refused version says so, whatever was measured`() throws {
        #expect(try ReportPage(try Sample.report(result: "FAILED")).html().contains("Refused"))
    }

    @Test func `a version that could not be measured has its failure and no pictures`() throws {
        let page = try ReportPage(try Sample.report(failure: "the model is <empty>", result: nil)).html()
        #expect(page.contains("Could not be measured") && page.contains("the model is &lt;empty&gt;"))
        #expect(!page.contains("<svg"))
    }

    @Test(arguments: [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</style><script>", "{{name}}",
        "a\u{0}\u{7}\u{202E}b",
    ])
    func `hostile text is escaped wherever it stands`(text: String) throws {
        let page = try ReportPage(try Sample.report(hostile: text)).html()
        #expect(
            !page.contains("<script") && !page.contains("<img") && page.components(separatedBy: "</style>").count == 2)
        #expect(!page.unicodeScalars.contains { $0.value < 32 && $0 != "\n" || $0 == "\u{202E}" })
    }

    @Test(arguments: [2, 30, 60, 61])
    func `a matrix is drawn as long as its cells can be told apart`(classes: Int) throws {
        let page = try ReportPage(try Sample.report(classes: classes)).html()
        #expect(page.contains("class=\"grid") == (classes <= 60))
    }

    @Test(arguments: [0.0004, 3.0, 900, 75_000, 40_000_000])
    func `latencies of any size have an axis`(microseconds: Double) throws {
        let page = try ReportPage(try Sample.report(microseconds: microseconds)).html()
        let ticks = page.components(separatedBy: "<text class=\"tick\"").count
        #expect(ticks > 8 && !page.contains("nan ") && !page.contains("inf "))
    }

    @Test func `equal times of all runs still make a picture`() throws {
        let page = try ReportPage(try Sample.report(microseconds: 5, isConstant: true)).html()
        #expect(page.contains("latency-chart-title"))
    }
}
