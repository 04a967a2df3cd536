"""The shipped curves, and the figures the field quotes of them."""

import math

import pytest

from dlic.errors import DlicError
from dlic.evaluation.anchors import AVIF_AS_SHIPPED, CURVES, check_kodak, kodak_anchors, stored
from dlic.evaluation.comparison import compare_all
from dlic.evaluation.rate_distortion import bd_rate, bd_rate_within

ANCHORS = kodak_anchors()

# BD-rate against VTM in percent over the whole overlap, as the field quotes it
QUOTED = {
    "JPEG (published)": 208,
    "JPEG 4:4:4, optimised": 186,
    "WebP, method 6": 77,
    "AVIF 4:4:4, tune=iq as shipped, speed 6, libavif 1.4.2": 48,
    "BPG 4:4:4": 22,
    "AV1 (published)": 16,
    "CompressAI factorized": 68,
    "CompressAI hyperprior": 31,
    "CompressAI mean-scale": 21,
    "CompressAI cheng2020-anchor": 4,
    "ELIC": -7,
}


@pytest.mark.parametrize("label", QUOTED)
def test_bd_rates_are_those_the_field_quotes(label):
    assert 100 * bd_rate(ANCHORS["VTM (H.266)"].points, ANCHORS[label].points) == pytest.approx(QUOTED[label], abs=1.6)


def test_every_anchor_can_be_compared_between_the_rates():
    compared = compare_all(ANCHORS, ANCHORS["VTM (H.266)"].points)
    assert len(compared) == len(ANCHORS) == sum(len(labels) for labels in CURVES.values())  # no label twice
    assert all(0.09 <= one.bpp[0] < one.bpp[1] <= 1.5 + 1e-3 for one in compared.values())
    assert list(compared)[-1] == "ELIC" and next(iter(compared)).startswith("JPEG")


def test_between_the_rates_learned_codecs_are_as_far_from_vtm_as_over_all():
    for label in ("CompressAI factorized", "CompressAI hyperprior", "CompressAI mean-scale", "CompressAI cheng2020-anchor", "ELIC"):
        points, vtm = ANCHORS[label].points, ANCHORS["VTM (H.266)"].points
        assert bd_rate_within(vtm, points) == pytest.approx(bd_rate(vtm, points), abs=0.015)


def test_sources_and_reservations_are_kept():
    assert "CompressAI" in stored("kodak_published")["_about"] and "Pillow 13" in stored("kodak_measured")["_about"]
    assert "perceptually tuned" in ANCHORS["JPEG XL, effort 7"].note
    assert "float" in ANCHORS["ELIC"].note and ANCHORS["CompressAI cheng2020-anchor"].note == "8-bit reconstruction"
    assert not any("ms-ssim" in key for labels in CURVES.values() for key in labels)


def test_only_kodak_passes_for_kodak():
    upright, lying = (768, 512), (512, 768)
    check_kodak("kodak", [upright] * 6 + [lying] * 18)
    for sizes in ([lying] * 23, [lying] * 23 + [(500, 768)]):
        with pytest.raises(DlicError, match="24 Kodak images"):
            check_kodak("kodak", sizes)


def test_by_ms_ssim_they_are_in_decibels_where_it_is_known():
    similar = kodak_anchors("ms_ssim")
    assert "ELIC" in ANCHORS and "ELIC" not in similar and "VTM (H.266)" in similar
    stored_value = stored("kodak_published")["vtm"]["ms_ssim"][3]
    assert similar["VTM (H.266)"].points[3].score == pytest.approx(-10 * math.log10(1 - stored_value))
    assert similar["VTM (H.266)"].points[3].bpp == ANCHORS["VTM (H.266)"].points[3].bpp


def test_networks_trained_for_ms_ssim_are_judged_by_it_alone():
    tuned = {label for label in kodak_anchors("ms_ssim") if label.endswith("for MS-SSIM")}
    assert len(tuned) == 6 and not tuned & set(ANCHORS)
    plain = kodak_anchors("ms_ssim")["CompressAI hyperprior"].points
    assert kodak_anchors("ms_ssim")["CompressAI hyperprior, for MS-SSIM"].points[0].score > plain[0].score


def test_avif_is_known_as_shipped_and_for_psnr_by_every_metric():
    for metric in ("psnr", "ms_ssim", "ssimulacra2", "butteraugli"):
        anchors = kodak_anchors(metric)
        shipped = anchors[AVIF_AS_SHIPPED].points
        assert [point.score for point in shipped] == sorted(point.score for point in shipped)  # distances are negated
        for_psnr = anchors["AVIF 4:2:0, tune=psnr, speed 6, libavif 1.4.2"].points
        assert (bd_rate(shipped, for_psnr) < 0) == (metric == "psnr")  # each is the better one by what it is tuned for
    assert AVIF_AS_SHIPPED in kodak_anchors("psnr") and not kodak_anchors("lpips")
