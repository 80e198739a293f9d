"""What the text anchors start from: one short English phrase each, about one thing to tell people apart by."""

from __future__ import annotations

PHRASES = (
    "face seen from the front, hair length and hair colour",
    "shape of the head, nape and neckline",
    "chest, back and shoulders of the person",
    "arms hanging or bent, long or short sleeves",
    "belt, waist and hips",
    "thighs, knees and calves while standing or walking",
    "feet and the shoes on them",
    "shirt, blouse, sweater or T-shirt that is worn",
    "trousers, jeans, skirt or shorts that are worn",
    "coat, jacket, vest or cape over the clothes",
    "backpack, handbag or shoulder bag with its straps",
    "something held in the hand, such as a phone or bottle",
    "hat, cap, hood, helmet or headscarf",
    "main colours of everything that is worn",
    "colour of what covers the upper body",
    "colour of what covers the legs",
    "stripes, checks, dots and the weave of the cloth",
    "printed letters, badges, zips, buttons and seams",
    "the person as a whole at first glance",
    "outline of the body, tall or short, slim or broad",
    "way of standing, walking or leaning",
    "glasses, sunglasses or a mask on the face",
    "kind and colour of the shoes, soles and laces",
    "bare skin of face, arms and legs and its tone",
)
