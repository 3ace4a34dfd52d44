"""The drawing layer, in the Python of this machine: `python3 -m unittest tests/test_plots.py`"""

import contextlib
import datetime
import io
import math
import os
import tempfile
import unittest
import xml.dom.minidom

from plots import pyplot as plt
from plots import scale, svg


def only():
    """The one chart that was drawn, as a document."""
    (text,) = plt.taken()
    return xml.dom.minidom.parseString(text)


def texts(document):
    return [node.firstChild.data for node in document.getElementsByTagName("text") if node.firstChild]


def count(document, name, **attributes):
    found = document.getElementsByTagName(name)
    return sum(all(node.getAttribute(key) == value for key, value in attributes.items()) for node in found)


class Charts(unittest.TestCase):
    def tearDown(self):
        plt.figures.clear()

    def test_a_line_goes_through_its_points(self):
        plt.plot([0, 1, 2], [0, 10, 0], label="up & <down>")
        plt.title("A < B")
        plt.xlabel("x")
        document = only()
        (path,) = [node for node in document.getElementsByTagName("path")]
        points = [tuple(map(float, point.split())) for point in path.getAttribute("d")[1:].split("L")]
        self.assertEqual(len(points), 3)
        self.assertLess(points[1][1], points[0][1])
        self.assertAlmostEqual(points[1][0], (points[0][0] + points[2][0]) / 2, delta=0.2)
        self.assertIn("A < B", texts(document))
        self.assertIn("up & <down>", texts(document))

    def test_gaps_do_not_draw(self):
        plt.plot([1, 2, None, 4, 5], color="red")
        (path,) = only().getElementsByTagName("path")
        self.assertEqual(path.getAttribute("d").count("M"), 2)
        plt.plot([math.nan, math.inf])
        plt.plot([])
        only()

    def test_names_are_places(self):
        plt.bar(["a", "b", "c"], [1, 2, 3], color=["r", "g"])
        document = only()
        self.assertTrue({"a", "b", "c"} <= set(texts(document)))
        self.assertEqual(count(document, "rect", fill="#c62828"), 3)

    def test_bars_stand_on_zero(self):
        plt.bar([1, 2], [5, 10])
        self.assertEqual(plt.current().y.range(0.04)[0], 0)
        plt.figures.clear()
        plt.bar([1, 2], [5, -10])
        self.assertLess(plt.current().y.range(0.04)[0], -10)

    def test_counts_of_a_histogram(self):
        counts, edges = plt.hist([0, 0.1, 0.9, 1, 2.5, 3], bins=3)
        self.assertEqual((counts, edges), ([3, 1, 2], [0, 1, 2, 3]))
        counts, edges = plt.hist([1, 2, 3], bins=[0, 2, 4], density=True)
        self.assertAlmostEqual(sum(count * 2 for count in counts), 1)
        plt.hist([])
        plt.hist([7, 7])

    def test_slices_of_a_pie(self):
        plt.pie([1, 1, 2], labels=["a", "b", "c"], autopct="%1.0f%%")
        document = only()
        self.assertTrue({"a", "b", "c", "25%", "50%"} <= set(texts(document)))
        plt.pie([1])
        self.assertEqual(count(only(), "circle"), 1)

    def test_dates_have_dates_below(self):
        days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=30 * at) for at in range(12)]
        plt.plot(days, range(12))
        self.assertIn("Jan 2024", texts(only()))
        for seconds in (1, 100, 10_000, 1e6, 1e8, 1e9, 1e11):
            self.assertTrue(scale.times(0, seconds), seconds)

    def test_logarithms(self):
        plt.plot([1, 10, 100], [0, 1, 1000])
        plt.yscale("log")
        self.assertTrue({"1", "100", "1,000"} & set(texts(only())))
        plt.yscale("log")
        plt.bar(["a"], [100])
        only()

    def test_ticks_are_round(self):
        self.assertEqual([text for _, text in scale.round_numbers(0, 10)], ["0", "2", "4", "6", "8", "10"])
        self.assertEqual(scale.text(0.25, 2), "0.25")
        self.assertEqual(scale.text(2.5e9, 0), "2.5e9")
        for low, high in [(0, 1e-12), (-1e300, 1e300), (1e15, 1e15 + 1), (5, 5)]:
            self.assertLess(len(scale.round_numbers(low, high)), 20)

    def test_figures_follow_one_another(self):
        plt.plot([1])
        plt.show()
        plt.plot([2])
        plt.figure()
        plt.plot([3])
        self.assertEqual(len(plt.taken()), 3)
        figure, axes = plt.subplots(figsize=(3, 2))
        axes.plot([1], [2], "r--o")
        axes.set_title("t")
        figure.suptitle("u")
        document = only()
        self.assertEqual(document.documentElement.getAttribute("width"), "300")
        plt.figure()
        self.assertEqual(plt.taken(), [], "nothing was drawn in it")

    def test_it_is_matplotlib_to_its_users(self):
        plt.install()
        import matplotlib.pyplot

        self.assertIs(matplotlib.pyplot, plt)
        with self.assertRaisesRegex(AttributeError, "have no `imshow`: there is plot, scatter"):
            matplotlib.pyplot.imshow([[1]])

    def test_a_file_is_written_as_what_it_is(self):
        plt.plot([1, 2])
        said = io.StringIO()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(said):
            plt.savefig(os.path.join(folder, "chart.png"))
            self.assertEqual(os.listdir(folder), ["chart.svg"])
        self.assertIn("chart.svg", said.getvalue())

    def test_mistakes_say_what_to_do(self):
        for draw, said in [
            (lambda: plt.plot([1, 2], [1]), "x has 2 values and y has 1"),
            (lambda: plt.plot([1], [object()]), "neither a number"),
            (lambda: plt.plot(), "plot\\(x, y\\)"),
            (lambda: plt.plot([1], [1], "?!"), "is no format"),
            (lambda: plt.plot([1], color="url(#x)"), "is no colour"),
            (lambda: plt.plot([1], color="\"><script>"), "is no colour"),
            (lambda: plt.pie([1, -1]), "above zero"),
            (lambda: plt.pie([]), "1 to 50 slices"),
            (lambda: plt.hist([1], bins=0), "bins"),
            (lambda: plt.subplots(2, 2), "one chart a figure"),
            (lambda: plt.figure(figsize="big"), "figsize"),
            (lambda: plt.plot(iter(int, 1)), "at most 200000 values"),
            (lambda: [plt.plot([1]) for _ in range(200)], "at most 100 series"),
            (lambda: [plt.figure() for _ in range(20)], "at most 8 charts"),
        ]:
            with self.subTest(said), self.assertRaisesRegex((ValueError, TypeError), said):
                draw()
            plt.figures.clear()

    def test_many_values_become_few_points(self):
        plt.plot([math.sin(at) for at in range(100_000)])
        (text,) = plt.taken()
        self.assertLess(len(text), 100_000)
        points = [(float(at // 100), float(at % 7)) for at in range(10_000)]
        thin = svg.thinned(points, 10)
        self.assertLessEqual(len(thin), 400)
        self.assertEqual((thin[0], thin[-1]), (points[0], points[-1]))


if __name__ == "__main__":
    unittest.main()
